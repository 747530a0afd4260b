#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "moesim/fit/fit_links.hpp"

namespace moesim {

/// Folder of the measured tables of others (docs/theory_collectives.md names them): MOESIM_DATA, else shared/data
/// beside the sources; empty when there is none, and tests that need it skip.
[[nodiscard]] std::filesystem::path measured_data();

/// A kind of machine whose links we ship a calibration of, and how that is made.
struct LinkMachine {
  std::string name;  ///< of the cluster file; the calibration is links_<name>
  bool needs_data = true;
  std::vector<LinkSample> (*samples)();
  LinkLawShapes shapes;
  Provenance provenance;  ///< source, licence, hardware
};
[[nodiscard]] std::vector<LinkMachine> link_machines();

[[nodiscard]] std::shared_ptr<const CollectiveModel> cluster_model(const std::string& name, bool ideal);

/// Fit of a machine, with its provenance.
[[nodiscard]] LinkFit fit_machine(const LinkMachine& machine);

}  // namespace moesim
