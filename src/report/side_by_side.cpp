#include "report/side_by_side.hpp"

#include <algorithm>
#include <cstddef>

#include "report/text.hpp"

namespace moesim::text {
namespace {

constexpr std::size_t kIndent = 2;       // of labels under their section's title
constexpr std::size_t kBeforeMain = 3;   // between columns of cases
constexpr std::size_t kBeforeAside = 2;  // between a number and what is beside it
constexpr std::size_t kShareWidth = 7;   // "100.0 %"
constexpr std::size_t kSmallestBar = 6;  // below that, a bar says nothing
constexpr std::size_t kLargestBar = 20;

struct Widths {
  std::size_t label = 0;
  std::size_t main = 0;
  std::size_t aside = 0;
  std::size_t bar = 0;
  double largest_share = 0;  ///< has a full bar

  [[nodiscard]] std::size_t of_case() const { return kBeforeMain + main + (aside > 0 ? kBeforeAside + aside : 0); }
};

Widths measure(const std::vector<std::string>& names, const std::vector<Section>& sections) {
  Widths widths;
  for (const std::string& name : names) widths.main = std::max(widths.main, width(name));
  for (const Section& section : sections) {
    for (const Line& line : section.lines) {
      widths.label = std::max(widths.label, kIndent + width(line.label));
      for (const Cell& cell : line.cells) {
        widths.main = std::max(widths.main, width(cell.main));
        widths.aside = std::max(widths.aside, cell.share ? kShareWidth : width(cell.aside));
        widths.largest_share = std::max(widths.largest_share, cell.share.value_or(0));
      }
    }
  }
  return widths;
}

std::string aside_text(const Cell& cell, const Widths& widths) {
  if (!cell.share) return cell.aside;
  std::string words = pad_left(percent(*cell.share), kShareWidth);
  if (widths.bar > 0 && *cell.share > 0) words += " " + bar(*cell.share / widths.largest_share, widths.bar);
  return words;
}

class Block {
 public:
  Block(std::size_t first, std::size_t last, const Widths& widths) : first_(first), last_(last), widths_(widths) {}

  [[nodiscard]] std::string header(const std::vector<std::string>& names) const {
    std::string words = pad_right("", widths_.label);
    for (std::size_t c = first_; c < last_; ++c) add_cell(words, names[c], "");
    return without_end(std::move(words));
  }

  [[nodiscard]] std::string line(const Line& line) const {
    std::string words = pad_right(std::string(kIndent, ' ') + line.label, widths_.label);
    for (std::size_t c = first_; c < last_; ++c) {
      add_cell(words, line.cells[c].main, aside_text(line.cells[c], widths_));
    }
    return without_end(std::move(words));
  }

 private:
  void add_cell(std::string& words, const std::string& main, const std::string& aside) const {
    words.append(kBeforeMain, ' ') += pad_left(main, widths_.main);
    if (widths_.aside > 0) words.append(kBeforeAside, ' ') += pad_right(aside, widths_.aside);
  }
  static std::string without_end(std::string words) {
    words.erase(words.find_last_not_of(' ') + 1);
    return words;
  }

  std::size_t first_;
  std::size_t last_;
  Widths widths_;
};

}  // namespace

std::string side_by_side(const std::vector<std::string>& names, const std::vector<Section>& sections,
                         const TextStyle& style) {
  Widths widths = measure(names, sections);
  const auto room = static_cast<std::size_t>(std::max(style.width, 0));
  const std::size_t for_cases = room > widths.label ? room - widths.label : 0;
  const std::size_t per_block = std::clamp(for_cases / widths.of_case(), std::size_t{1}, names.size());

  // What is left over goes to the bars.
  const std::size_t used = per_block * widths.of_case();
  const std::size_t spare = for_cases > used ? (for_cases - used) / per_block : 0;
  const std::size_t bar = std::min(widths.aside - std::min(widths.aside, kShareWidth + 1) + spare, kLargestBar);
  if (bar >= kSmallestBar) {
    widths.bar = bar;
    widths.aside = std::max(widths.aside, kShareWidth + 1 + bar);
  }

  std::string out;
  for (std::size_t first = 0; first < names.size(); first += per_block) {
    const Block block(first, std::min(first + per_block, names.size()), widths);
    out += "\n" + title(block.header(names), style) + "\n";
    for (const Section& section : sections) {
      if (section.lines.empty()) continue;
      if (!section.title.empty()) out += "\n" + title(section.title, style) + "\n";
      for (const Line& line : section.lines) out += block.line(line) + "\n";
    }
  }
  return out;
}

}  // namespace moesim::text
