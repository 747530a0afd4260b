#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "moesim/base/diagnostic.hpp"
#include "moesim/sweep/grid.hpp"

/// Any text makes a grid whose points can be decoded, or an InputError with at least one line; nothing else is thrown.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::filesystem::path source = MOESIM_SOURCE_DIR;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const moesim::SweepFile sweep = moesim::load_sweep_text(text, "fuzz.yaml", {.roots = {source}});
    const moesim::Grid grid(sweep, [](const std::string& key) {
      return key.size() < 8 ? std::optional<moesim::PlacedText>({.text = "4"}) : std::nullopt;
    });
    moesim::GridPoint point;
    std::string why;
    for (const std::uint64_t number : {std::uint64_t{0}, grid.size() / 2, grid.size() - 1}) {
      const moesim::PointFate fate = grid.decode(number, point, why);
      if (point.index.size() != grid.axes().size()) std::abort();
      if (fate != moesim::PointFate::valid) continue;
      for (const moesim::Value& value : point.derived) static_cast<void>(moesim::write_value(value));
    }
  } catch (const moesim::InputError& error) {
    if (error.diagnostics().empty()) std::abort();
    for (const moesim::Diagnostic& problem : error.diagnostics()) {
      if (problem.message.empty()) std::abort();
    }
  }
  return 0;
}
