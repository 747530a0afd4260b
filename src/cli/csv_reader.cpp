#include "cli/csv_reader.hpp"

#include <fmt/format.h>
#include <variant>

#include "moesim/scenario/file_text.hpp"

namespace moesim::cli {
namespace {

constexpr std::size_t kLargestFile = std::size_t{1} << 30U;  // bytes

/// One pass over the text, a record at a time.
class Scanner {
 public:
  Scanner(std::string_view text, const std::string& file, std::vector<Diagnostic>& problems)
      : text_(text), file_(file), problems_(problems) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) at_ = line_begin_ = kByteOrderMark.size();
  }

  [[nodiscard]] bool done() const { return at_ >= text_.size() || broken_; }

  CsvRecord record() {
    CsvRecord record{.line = line_, .raw = {}, .cells = {}};
    const std::size_t begin = at_;
    while (true) {
      record.cells.push_back(cell());
      if (broken_ || at_ >= text_.size() || text_[at_] != ',') break;
      ++at_;
    }
    std::size_t end = at_;
    if (end > begin && text_[end - 1] == '\r') --end;
    record.raw = text_.substr(begin, end - begin);
    next_line();
    return record;
  }

 private:
  CsvCell cell() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    CsvCell cell{.text = {}, .column = column()};
    if (at_ < text_.size() && text_[at_] == '"') {
      quoted(cell);
      return cell;
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') {
      if (is_junk(text_[at_])) return junk(cell);
      ++at_;
    }
    std::string_view found = text_.substr(begin, at_ - begin);
    while (!found.empty() && (found.back() == ' ' || found.back() == '\r')) found.remove_suffix(1);
    cell.text = found;
    return cell;
  }

  void quoted(CsvCell& cell) {
    const int opened = line_;
    ++at_;
    while (true) {
      if (at_ >= text_.size()) {
        problem(opened, cell.column, "the quotation that begins here has no end (a closing \" is missing)");
        broken_ = true;
        return;
      }
      const char character = text_[at_++];
      if (character == '"') {
        if (at_ >= text_.size() || text_[at_] != '"') break;
        ++at_;  // a doubled quote is one
      } else if (character == '\n') {
        ++line_;
        line_begin_ = at_;
      }
      cell.text += character;
    }
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\r')) ++at_;
    if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') {
      problem(line_, column(), "text after a closing quote (a comma or the end of the line is expected)");
      while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') ++at_;
    }
  }

  CsvCell junk(const CsvCell& cell) {
    problem(line_, column(), "is no text (a control character) is this a CSV file?");
    broken_ = true;
    return cell;
  }

  static bool is_junk(char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte == 0x7F || (byte < 0x20 && byte != '\t' && byte != '\r');
  }

  void next_line() {
    if (at_ < text_.size()) ++at_;
    ++line_;
    line_begin_ = at_;
  }

  [[nodiscard]] int column() const { return static_cast<int>(at_ - line_begin_) + 1; }

  void problem(int line, int column, std::string message) {
    problems_.push_back({.file = file_, .line = line, .column = column, .message = std::move(message)});
  }

  std::string_view text_;
  const std::string& file_;
  std::vector<Diagnostic>& problems_;
  std::size_t at_ = 0;
  std::size_t line_begin_ = 0;
  int line_ = 1;
  bool broken_ = false;  ///< the rest cannot be told apart
};

}  // namespace

std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& file, std::vector<Diagnostic>& problems) {
  std::vector<CsvRecord> records;
  Scanner scanner(text, file, problems);
  while (!scanner.done()) {
    CsvRecord record = scanner.record();
    const bool empty = record.cells.size() == 1 && record.cells.front().text.empty();
    if (!empty) records.push_back(std::move(record));
  }
  return records;
}

std::string read_text(const std::string& file) {
  auto bytes = read_file(file, kLargestFile);
  if (auto* text = std::get_if<std::string>(&bytes)) return std::move(*text);
  throw InputError({Diagnostic{.file = file, .message = std::get<Unreadable>(bytes).why}});
}

}  // namespace moesim::cli
