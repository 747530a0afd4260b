#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "moesim/scenario/load.hpp"
#include "moesim/scenario/sweep_file.hpp"

namespace moesim {

class ConfigNode;

/// A value that a point lays over the scenario; made once, laid often. Null: nothing is laid.
using PointValue = std::shared_ptr<const ConfigNode>;

/// The scenario of a sweep with a few keys changed from point to point: what does not change is not read again. The
/// keys are laid over it in the order given; points that differ in the last keys only are the cheapest. One per thread.
class PointLoader {
 public:
  /// @param file a sweep or a scenario
  /// @param keys dotted paths that points set; a key must not come before a section that holds it
  /// @throws InputError when the scenario cannot be used at all, or a key names a variant that there is not
  PointLoader(const std::filesystem::path& file, const std::vector<Override>& overrides, const ConfigRoots& roots,
              const std::vector<std::string>& keys);
  PointLoader(PointLoader&&) noexcept;
  PointLoader& operator=(PointLoader&&) noexcept;
  ~PointLoader();

  /// "~" is no value: the key is as if it were not there.
  [[nodiscard]] static PointValue value(const PlacedText& text);

  /// All variants with these values, one per key. Equal content gives the same pointer while it is remembered.
  /// @throws InputError with the problems of the point
  [[nodiscard]] std::vector<std::shared_ptr<const Scenario>> load(std::span<const PointValue> values);

  /// Names of the variants; one empty name when there are none.
  [[nodiscard]] const std::vector<std::string>& variants() const;
  /// A scalar of the scenario before any point, defaults included; nullopt: there is none.
  /// @param variant by number, as in `variants()`
  /// @throws InputError when the scenario alone is wrong
  [[nodiscard]] std::optional<PlacedText> constant(const std::string& key, std::size_t variant = 0);
  /// The same as it is written, without the defaults.
  [[nodiscard]] std::optional<PlacedText> written(const std::string& key) const;
  /// Files behind the scenario.
  [[nodiscard]] std::vector<InputFile> inputs() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace moesim
