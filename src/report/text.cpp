#include "report/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim::text {

std::size_t width(std::string_view utf8) {
  // Bytes 10xxxxxx continue a code point.
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }));
}

std::string pad_left(std::string_view utf8, std::size_t columns) {
  const std::size_t used = width(utf8);
  return std::string(columns > used ? columns - used : 0, ' ').append(utf8);
}

std::string pad_right(std::string_view utf8, std::size_t columns) {
  const std::size_t used = width(utf8);
  return std::string(utf8).append(columns > used ? columns - used : 0, ' ');
}

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

namespace {

constexpr std::array kTimeUnits = {TimeUnit{1, "s"}, TimeUnit{1e-3, "ms"}, TimeUnit{1e-6, "us"}, TimeUnit{1e-9, "ns"}};

std::string three_digits(double number) {
  const double size = std::abs(number);
  if (size >= 99.95) return fmt::format("{:.0f}", number);
  if (size >= 9.995) return fmt::format("{:.1f}", number);
  return fmt::format("{:.2f}", number);
}

std::string with_thousands(std::string digits) {
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::size_t first = !digits.empty() && digits.front() == '-' ? 1 : 0;
  for (std::size_t at = point; at > first + 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

}  // namespace

std::string interval(const Estimate& estimate) {
  if (estimate.spread == 0) return {};
  const Interval ends = estimate.interval();
  const auto* unit = std::ranges::find_if(
      kTimeUnits, [&](const TimeUnit& candidate) { return ends.hi.value >= 0.99995 * candidate.seconds; });
  if (unit == kTimeUnits.end()) unit = &kTimeUnits.back();
  return fmt::format("{} – {} {}", three_digits(ends.lo.value / unit->seconds),
                     three_digits(ends.hi.value / unit->seconds), unit->name);
}

std::string count(double number) {
  const bool whole = number == std::floor(number);
  return whole || std::abs(number) >= 999.5 ? with_thousands(fmt::format("{:.0f}", number)) : three_digits(number);
}

std::string large_count(double number) {
  if (number >= 999.5e9) return fmt::format("{} trillion", three_digits(number / 1e12));
  if (number >= 999.5e6) return fmt::format("{} billion", three_digits(number / 1e9));
  if (number >= 999.5e3) return fmt::format("{} million", three_digits(number / 1e6));
  return count(number);
}

std::string tera_flops(Flops work) { return with_thousands(fmt::format("{:.2f}", work.value / 1e12)) + " TFLOP"; }

std::string binary(Bytes size) {
  constexpr std::array<std::string_view, 4> kNames = {"B", "KiB", "MiB", "GiB"};
  double number = size.value;
  std::size_t prefix = 0;
  while (prefix + 1 < kNames.size() && std::abs(number) >= 1023.995) {
    number /= 1024;
    ++prefix;
  }
  if (prefix == 0) return fmt::format("{:.0f} B", number);
  return fmt::format("{} {}", with_thousands(fmt::format("{:.2f}", number)), kNames[prefix]);
}

TimeUnit common_unit(Seconds largest) {
  if (largest.value >= 100) return kTimeUnits[0];
  if (largest.value >= 10e-3) return kTimeUnits[1];
  return kTimeUnits[2];
}

std::string in_unit(Seconds time, const TimeUnit& unit) {
  return fmt::format("{:.2f} {}", time.value / unit.seconds, unit.name);
}

std::string bar(double share, std::size_t columns) {
  constexpr std::array<std::string_view, 8> kPartial = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double clamped = std::clamp(share, 0.0, 1.0);
  const auto eighths = static_cast<std::size_t>(std::lround(clamped * 8 * static_cast<double>(columns)));
  std::string drawn;
  for (std::size_t full = 0; full < eighths / 8; ++full) drawn += "█";
  return drawn.append(kPartial[eighths % 8]);
}

std::string wrapped(std::string_view first_indent, std::string_view text, std::size_t columns) {
  const std::size_t indent = width(first_indent);
  std::string lines(first_indent);
  std::size_t used = indent;
  bool line_has_words = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (line_has_words && used + 1 + width(word) > columns) {
      lines.append("\n").append(indent, ' ');
      used = indent;
      line_has_words = false;
    }
    if (line_has_words) {
      lines += ' ';
      ++used;
    }
    lines += word;
    used += width(word);
    line_has_words = true;
  }
  return lines + "\n";
}

namespace {

std::string styled(std::string_view code, std::string_view words, const TextStyle& style) {
  return style.color ? fmt::format("\x1b[{}m{}\x1b[0m", code, words) : std::string(words);
}

}  // namespace

std::string title(std::string_view words, const TextStyle& style) { return styled("1", words, style); }
std::string dim(std::string_view words, const TextStyle& style) { return styled("2", words, style); }

void Grid::column(std::string title, Align align) {
  titles_.push_back(std::move(title));
  align_.push_back(align);
}

void Grid::row(std::vector<std::string> cells) {
  MOESIM_EXPECTS(cells.size() == titles_.size());
  rows_.push_back(std::move(cells));
}

std::string Grid::render(const TextStyle& style) const {
  constexpr std::size_t kGap = 2;
  constexpr std::size_t kNarrowest = 20;  // of a last column that is wrapped
  std::vector<std::size_t> widths;
  std::size_t before_last = 0;
  for (std::size_t c = 0; c < titles_.size(); ++c) {
    std::size_t widest = width(titles_[c]);
    for (const auto& row : rows_) widest = std::max(widest, width(row[c]));
    widths.push_back(widest);
    if (c + 1 < titles_.size()) before_last += widest + kGap;
  }
  const bool wraps = !align_.empty() && align_.back() == Align::left;
  const std::size_t room = std::max(static_cast<std::size_t>(std::max(style.width, 0)), before_last + kNarrowest);
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string words;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      if (c > 0) words.append(kGap, ' ');
      const bool last = c + 1 == cells.size();
      if (last && wraps && width(words) + width(cells[c]) > room) return wrapped(words, cells[c], room);
      words += align_[c] == Align::left ? pad_right(cells[c], widths[c]) : pad_left(cells[c], widths[c]);
    }
    words.erase(words.find_last_not_of(' ') + 1);
    return words + "\n";
  };
  std::string titles = line(titles_);
  titles.pop_back();  // the line end stays outside the style
  std::string lines = title(titles, style) + "\n";
  for (const auto& row : rows_) lines += line(row);
  return lines;
}

namespace {

/// As a shell takes it back.
std::string quoted(const std::string& argument) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) return argument;
  std::string inside;
  for (const char character : argument) {
    if (character == '\'') {
      inside += "'\\''";
    } else {
      inside += character;
    }
  }
  return "'" + inside + "'";
}

}  // namespace

std::string footer(const RunInfo& run, const TextStyle& style) {
  std::string command;
  for (const std::string& argument : run.arguments) command += (command.empty() ? "" : " ") + quoted(argument);
  return dim(fmt::format("moesim {} ({}) · {} engine", run.version, run.git_commit, run.engine), style) + "\n" +
         (command.empty() ? "" : dim(command, style) + "\n");
}

}  // namespace moesim::text
