#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/cluster/topology.hpp"

namespace moesim {

/// What "better by a factor f" does to a resource.
enum class ResourceKind {
  rate,        ///< keys are bandwidths or FLOPS: times f
  delay,       ///< keys are times: divided by f
  startup,     ///< fixed times [s] inside the fitted laws of the links: divided by f
  overhead,    ///< fixed times [s] inside the fitted laws of the kernels: divided by f
  whole,       ///< key is a whole number (NICs of a machine): times f, rounded
  processors,  ///< multiprocessors: their number times f, rounded, and all FLOPS by the same ratio
};

/// A part of the hardware or software whose speed the user can think of changing, and the scenario keys that hold it.
struct Resource {
  std::string_view name;      ///< in JSON and CSV
  std::string_view title;     ///< in tables
  std::string_view sentence;  ///< as the subject of a sentence: "the NIC port"
  ResourceKind kind = ResourceKind::rate;
  std::span<const std::string_view> keys;  ///< those that the scenario has are scaled together
  std::optional<LinkKind> links = {};      ///< links whose capacity this is
};

/// Resources in the order of reports. All but `whole` and `processors` are independent of each other, and together they
/// are everything in the model that has a unit of time: were all of them better by f, the step would take 1/f.
[[nodiscard]] std::span<const Resource> resources();
/// Whether the resource counts in the sum of the elasticities.
[[nodiscard]] constexpr bool is_independent(ResourceKind kind) {
  return kind != ResourceKind::whole && kind != ResourceKind::processors;
}

}  // namespace moesim
