#include "cli/kernel_batch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <string_view>
#include <utility>

#include "moesim/scenario/load.hpp"
#include "moesim/scenario/spelling.hpp"

#include "cli/csv_reader.hpp"

namespace moesim::cli {
namespace {

constexpr std::array<std::string_view, 3> kAdded = {"time_us", "lo_us", "hi_us"};
constexpr std::size_t kNoColumn = static_cast<std::size_t>(-1);

/// Where each argument stands in the file.
struct Columns {
  std::vector<std::size_t> of_argument;  ///< kNoColumn: not in the file, or given on the command line
  std::size_t device = kNoColumn;
  std::string header;  ///< line for the output
};

/// "kv_heads" is as good as "kv-heads".
std::string argument_name(std::string column) {
  std::ranges::replace(column, '_', '-');
  return column;
}

/// Header as it stands, but columns with the names of those that are added become input_time_us and so on: two columns
/// of one name could not be told apart.
std::string output_header(const CsvRecord& header, std::vector<std::string>& notes, std::vector<Diagnostic>& problems,
                          const std::string& file) {
  const auto has = [&](std::string_view name) {
    return std::ranges::find(header.cells, name, &CsvCell::text) != header.cells.end();
  };
  std::string line(header.raw);
  if (std::ranges::any_of(kAdded, has)) {
    line.clear();
    for (const CsvCell& cell : header.cells) {
      std::string name = cell.text;
      if (std::ranges::find(kAdded, name) != kAdded.end()) {
        name.insert(0, "input_");
        if (has(name)) {
          problems.push_back(
              {.file = file,
               .line = header.line,
               .column = cell.column,
               .key = cell.text,
               .message = "is added by this command, and input_" + cell.text + " exists too (rename one)"});
        }
        notes.push_back(fmt::format("{}: the column {} is passed through as {} ({} is what this command adds)", file,
                                    cell.text, name, cell.text));
      }
      if (name.find_first_of(",\"\n") != std::string::npos) {
        std::string quoted = "\"";
        for (const char character : name) quoted.append(character == '"' ? 2 : 1, character);
        name = quoted + "\"";
      }
      line += (line.empty() ? "" : ",") + name;
    }
  }
  for (const std::string_view name : kAdded) line.append(",").append(name);
  return line;
}

Columns read_header(const CsvRecord& header, const KernelKind& kind, const std::vector<const std::string*>& given,
                    bool device_given, const std::string& file, std::vector<std::string>& notes,
                    std::vector<Diagnostic>& problems) {
  Columns columns{
      .of_argument = std::vector<std::size_t>(kind.arguments.size(), kNoColumn), .device = kNoColumn, .header = {}};
  for (std::size_t c = 0; c < header.cells.size(); ++c) {
    const CsvCell& cell = header.cells[c];
    const auto before = header.cells.begin() + static_cast<std::ptrdiff_t>(c);
    if (std::find_if(header.cells.begin(), before, [&](const CsvCell& other) { return other.text == cell.text; }) !=
        before) {
      problems.push_back({.file = file,
                          .line = header.line,
                          .column = cell.column,
                          .key = cell.text,
                          .message = "is there twice (a column's name must be its own)"});
    }
    const std::string name = argument_name(cell.text);
    const auto argument = std::ranges::find(kind.arguments, name, &KernelArgument::name);
    const bool overridden = name == "device"
                                ? device_given
                                : argument != kind.arguments.end() &&
                                      given[static_cast<std::size_t>(argument - kind.arguments.begin())] != nullptr;
    if (overridden) {
      notes.push_back(fmt::format("{}: the column {} is passed through unread (--{} of the command line counts)", file,
                                  cell.text, name));
    } else if (name == "device") {
      columns.device = c;
    } else if (argument != kind.arguments.end()) {
      columns.of_argument[static_cast<std::size_t>(argument - kind.arguments.begin())] = c;
    }
  }
  columns.header = output_header(header, notes, problems, file);
  return columns;
}

/// A column that is missing altogether is one problem, not one a row.
void check_missing(const CsvRecord& header, const KernelKind& kind, const Columns& columns,
                   const std::vector<const std::string*>& given, const std::string& file,
                   std::vector<Diagnostic>& problems) {
  std::vector<std::string_view> found;
  for (const CsvCell& cell : header.cells) found.push_back(cell.text);
  // Shapes that can be said in two ways are checked row by row.
  const bool alternatives =
      std::ranges::any_of(kind.arguments, [](const KernelArgument& a) { return a.name == "rows"; });
  for (std::size_t a = 0; a < kind.arguments.size(); ++a) {
    const KernelArgument& argument = kind.arguments[a];
    const bool optional = !argument.fallback.empty() || argument.help.find("(default:") != std::string_view::npos;
    const bool alternative = alternatives && argument.name != "n" && argument.name != "k";
    if (optional || alternative || given[a] != nullptr || columns.of_argument[a] != kNoColumn) continue;
    const std::string_view near = nearest(argument.name, found);
    problems.push_back(
        {.file = file,
         .line = header.line,
         .key = std::string(argument.name),
         .message = fmt::format("there is no such column ({}) add it, or give --{} for all rows{}", argument.help,
                                argument.name, near.empty() ? "" : fmt::format("; is it {}?", near))});
  }
}

/// Answers the rows one after the other and keeps what is wrong with them.
class Rows {
 public:
  Rows(const KernelKind& kind, const std::string& file, const Columns& columns, std::vector<const std::string*> given,
       const std::string* device, DeviceShelf& devices)
      : kind_(kind), file_(file), columns_(columns), device_(device), devices_(devices), texts_(std::move(given)) {}

  void add(const CsvRecord& record, std::size_t cells, std::string& out) {
    if (record.cells.size() != cells) {
      place(record, kNoColumn, "", fmt::format("has {} cells, the header has {}", record.cells.size(), cells));
      return;
    }
    const std::optional<KernelCase> shape = read(record);
    const KernelModel* const model = device_of(record);
    if (!shape || model == nullptr || !has_matrix_unit(record, *model, *shape)) return;
    const Estimate time = estimate(*model, *shape).estimate;
    const Interval ends = time.interval();
    MOESIM_ENSURES(std::isfinite(time.time.value) && std::isfinite(ends.hi.value));
    constexpr double kMicro = 1e6;
    fmt::format_to(std::back_inserter(out), "{},{},{},{}\n", record.raw, time.time.value * kMicro,
                   ends.lo.value * kMicro, ends.hi.value * kMicro);
  }

  [[nodiscard]] std::vector<Diagnostic>& problems() { return problems_; }

 private:
  std::optional<KernelCase> read(const CsvRecord& record) {
    for (std::size_t a = 0; a < texts_.size(); ++a) {
      const std::size_t column = columns_.of_argument[a];
      if (column == kNoColumn) continue;
      // An empty cell is as if the column were not there: the default counts, or the other way to say it.
      const std::string& text = record.cells[column].text;
      texts_[a] = text.empty() ? nullptr : &text;
    }
    wrong_.clear();
    std::optional<KernelCase> shape = read_shape(kind_, texts_, wrong_);
    for (ShapeProblem& problem : wrong_) {
      place(record, columns_.of_argument[problem.argument], kind_.arguments[problem.argument].name,
            std::move(problem.message));
    }
    return shape;
  }

  const KernelModel* device_of(const CsvRecord& record) {
    if (device_ != nullptr) return &devices_.get(*device_);
    try {
      return &devices_.get(record.cells[columns_.device].text);
    } catch (const InputError& error) {
      place(record, columns_.device, "device", error.what());
      return nullptr;
    }
  }

  bool has_matrix_unit(const CsvRecord& record, const KernelModel& model, const KernelCase& shape) {
    const std::optional<DType> dtype = matrix_dtype(shape);
    if (!dtype || model.device().matrix_peak(*dtype).value > 0) return true;
    const auto argument = std::ranges::find(kind_.arguments, "dtype", &KernelArgument::name);
    place(record, columns_.of_argument[static_cast<std::size_t>(argument - kind_.arguments.begin())], "dtype",
          fmt::format("{} has no matrix unit for {}", model.device().name, dtype_name(*dtype)));
    return false;
  }

  void place(const CsvRecord& record, std::size_t column, std::string_view key, std::string message) {
    problems_.push_back({.file = file_,
                         .line = record.line,
                         .column = column == kNoColumn ? 0 : record.cells[column].column,
                         .key = std::string(key),
                         .message = std::move(message)});
  }

  const KernelKind& kind_;
  const std::string& file_;
  const Columns& columns_;
  const std::string* device_;
  DeviceShelf& devices_;
  std::vector<const std::string*> texts_;
  std::vector<ShapeProblem> wrong_;
  std::vector<Diagnostic> problems_;
};

}  // namespace

const KernelModel& DeviceShelf::get(const std::string& word) {
  const auto known = devices_.find(word);
  if (known != devices_.end()) return known->second;
  const std::filesystem::path file = find_config("devices", word, common_.roots);
  return devices_.emplace(word, load_device(file, common_.overrides, common_.roots)).first->second;
}

Batch run_batch(const KernelKind& kind, const std::string& file, const std::vector<const std::string*>& given,
                const std::string* device, DeviceShelf& devices) {
  Batch batch;
  std::vector<Diagnostic> problems;
  const std::string text = read_text(file);
  const std::vector<CsvRecord> records = parse_csv(text, file, problems);
  throw_if_any(problems);
  if (records.empty())
    throw InputError({{.file = file, .message = "is empty (a header with the options' names is expected)"}});
  const CsvRecord& header = records.front();
  const Columns columns = read_header(header, kind, given, device != nullptr, file, batch.notes, problems);
  check_missing(header, kind, columns, given, file, problems);
  if (device == nullptr && columns.device == kNoColumn) {
    problems.push_back({.file = file,
                        .line = header.line,
                        .key = "device",
                        .message = "there is no such column and no --device (which device is meant?)"});
  }
  throw_if_any(problems);

  constexpr std::size_t kAddedBytes = 64;  // three numbers, roughly
  batch.csv.reserve(text.size() + records.size() * kAddedBytes);
  batch.csv.append(columns.header).append("\n");
  Rows rows(kind, file, columns, given, device, devices);
  for (std::size_t r = 1; r < records.size(); ++r) rows.add(records[r], header.cells.size(), batch.csv);
  throw_if_any(rows.problems());
  return batch;
}

}  // namespace moesim::cli
