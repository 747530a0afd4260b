#pragma once

#include <string>

#include "moesim/report/validation_report.hpp"
#include "moesim/scenario/load.hpp"

namespace moesim::cli {

/// Adds collectives measured on a cluster (nccl-tests' output or samples of moesim-bench), predicted, to the report.
/// @throws InputError when there are more ranks than the cluster has, or the file is neither
void add_collectives(const std::string& file, const Cluster& cluster, ValidationReport& report);

}  // namespace moesim::cli
