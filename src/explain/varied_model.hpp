#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "moesim/analytic/predict.hpp"
#include "moesim/explain/resources.hpp"
#include "moesim/scenario/load.hpp"
#include "moesim/scenario/points.hpp"

namespace moesim {

/// The scenario with each resource better by a factor of its own.
class VariedModel {
 public:
  VariedModel(const std::filesystem::path& file, const std::vector<Override>& overrides, const ConfigRoots& roots,
              std::size_t variant, std::function<Prediction(const Scenario&)> predict);

  /// A resource of this scenario, and the keys that hold it with their values, as text and as SI numbers.
  struct Held {
    const Resource* resource = nullptr;
    std::vector<std::string> keys;
    std::vector<std::string> texts;
    std::vector<double> values;
    std::vector<std::size_t> slots;  ///< of the keys in the point loader
  };
  [[nodiscard]] const std::vector<Held>& held() const { return held_; }
  [[nodiscard]] std::shared_ptr<const Scenario> scenario();

  /// @param factors by index in held(); 1 is as it stands
  /// @throws InputError when that is no valid scenario
  [[nodiscard]] Prediction run(const std::vector<double>& factors);
  /// The same, its time [s] alone: the model is run once for the same factors.
  [[nodiscard]] double seconds(const std::vector<double>& factors);

 private:
  [[nodiscard]] PointLoader make_loader(const std::filesystem::path& file, const std::vector<Override>& overrides,
                                        const ConfigRoots& roots);
  [[nodiscard]] std::string scaled(const Held& held, std::size_t key, double factor) const;

  std::size_t variant_;
  std::function<Prediction(const Scenario&)> predict_;
  std::vector<std::string> keys_;  ///< all that resources name, without the variant's prefix
  PointLoader loader_;
  std::vector<Held> held_;
  std::map<std::vector<double>, double> known_;  ///< seconds() by factors
};

/// `law` with its fixed times divided by `factor`.
[[nodiscard]] FittedLaw with_startup(FittedLaw law, double factor);   ///< of links
[[nodiscard]] FittedLaw with_overhead(FittedLaw law, double factor);  ///< of kernels

}  // namespace moesim
