#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <system_error>

#include "moesim/sweep/sink.hpp"

namespace moesim {
namespace {

constexpr std::string_view kTitle = "moesim sweep checkpoint 1";

/// The text up to the next `end`, which is dropped; all of it when there is none.
std::string_view next(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

bool read(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string write_checkpoint(const Checkpoint& checkpoint) {
  const SweepTotals& totals = checkpoint.totals;
  std::string text = fmt::format("{}\nfingerprint\t{}\nbytes\t{}\nnext\t{}\nrows\t{}\nabsent\t{}\n", kTitle,
                                 checkpoint.fingerprint, checkpoint.bytes, totals.next, totals.rows, totals.absent);
  for (const InputFile& input : totals.inputs) text += fmt::format("input\t{}\t{}\n", input.hash, input.path);
  for (const auto& [reason, entry] : totals.left_out) {
    text += fmt::format("left_out\t{}\t{}\t{}\t{}\n", entry.count, entry.first, reason, entry.example);
  }
  return text + "end\n";
}

std::optional<Checkpoint> read_checkpoint(std::string_view text) {
  if (next(text, '\n') != kTitle) return std::nullopt;
  Checkpoint checkpoint;
  SweepTotals& totals = checkpoint.totals;
  bool sound = true;
  while (!text.empty()) {
    std::string_view line = next(text, '\n');
    const std::string_view key = next(line, '\t');
    if (key == "end") return sound ? std::optional<Checkpoint>(std::move(checkpoint)) : std::nullopt;
    if (key == "fingerprint") {
      checkpoint.fingerprint = line;
    } else if (key == "bytes") {
      sound = read(line, checkpoint.bytes) && sound;
    } else if (key == "next") {
      sound = read(line, totals.next) && sound;
    } else if (key == "rows") {
      sound = read(line, totals.rows) && sound;
    } else if (key == "absent") {
      sound = read(line, totals.absent) && sound;
    } else if (key == "input") {
      std::string hash(next(line, '\t'));
      totals.inputs.push_back({.path = std::string(line), .hash = std::move(hash)});
    } else if (key == "left_out") {
      LeftOutPoints entry;
      sound = read(next(line, '\t'), entry.count) && sound;
      sound = read(next(line, '\t'), entry.first) && sound;
      const std::string reason(next(line, '\t'));
      entry.example = line;
      totals.left_out[reason] = entry;
    } else {
      return std::nullopt;
    }
  }
  return std::nullopt;  // the end is missing
}

}  // namespace moesim
