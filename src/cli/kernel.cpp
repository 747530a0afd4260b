#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "moesim/report/kernel_report.hpp"

#include "cli/command.hpp"
#include "cli/common.hpp"
#include "cli/kernel_batch.hpp"
#include "cli/kernel_shapes.hpp"

namespace moesim::cli {
namespace {

/// Texts of the command line by argument; null: not given.
std::vector<const std::string*> given_texts(const KernelKind& kind, const Arguments& arguments) {
  std::vector<const std::string*> texts;
  for (const KernelArgument& argument : kind.arguments) {
    texts.push_back(arguments.one(fmt::format("--{}", argument.name)));
  }
  return texts;
}

KernelCase read_one(const KernelKind& kind, const std::vector<const std::string*>& texts) {
  std::vector<ShapeProblem> wrong;
  const std::optional<KernelCase> shape = read_shape(kind, texts, wrong);
  std::vector<Diagnostic> problems;
  for (ShapeProblem& problem : wrong) {
    problems.push_back(
        {.key = fmt::format("--{}", kind.arguments[problem.argument].name), .message = std::move(problem.message)});
  }
  throw_if_any(problems);
  return *shape;
}

std::vector<ShapeArgument> shown_shape(const KernelKind& kind, const std::vector<const std::string*>& texts) {
  std::vector<ShapeArgument> shape;
  for (std::size_t a = 0; a < texts.size(); ++a) {
    const std::string words(texts[a] != nullptr ? std::string_view(*texts[a]) : kind.arguments[a].fallback);
    if (words.empty()) continue;
    double value = 0;
    const auto [end, error] = std::from_chars(words.data(), words.data() + words.size(), value);
    const bool is_number = error == std::errc{} && end == words.data() + words.size();
    if (is_number) {
      shape.push_back({std::string(kind.arguments[a].name), value});
    } else {
      shape.push_back({std::string(kind.arguments[a].name), words});
    }
  }
  return shape;
}

Output run_one(const KernelKind& kind, const Arguments& arguments, const CommonOptions& common,
               const Environment& environment) {
  const std::vector<const std::string*> texts = given_texts(kind, arguments);
  const KernelCase shape = read_one(kind, texts);
  const std::string* const device = arguments.one("--device");
  if (device == nullptr) throw InputError("--device: is missing (YAML file or name of a shipped device)");
  const std::filesystem::path file = find_config("devices", *device, common.roots);
  const KernelModel model = load_device(file, common.overrides, common.roots);
  RunInfo run = environment.run;
  add_input(run, file);

  KernelReport report{.kernel = std::string(kind.name),
                      .device = model.device().name,
                      .shape = shown_shape(kind, texts),
                      .estimate = {},
                      .work = matrix_work(shape),
                      .peak = std::nullopt,
                      .moved = std::nullopt,
                      .memory_bandwidth = model.device().memory_bandwidth};
  if (const std::optional<DType> dtype = matrix_dtype(shape)) {
    report.peak = model.device().matrix_peak(*dtype);
    if (report.peak->value <= 0) {
      throw InputError(fmt::format("--dtype {}: {} has no matrix unit for it", dtype_name(*dtype), report.device));
    }
  }
  if (const auto* traffic = std::get_if<MemoryTraffic>(&shape)) report.moved = traffic->over.moved;
  report.estimate = estimate(model, shape);
  return render(report, run, common, environment);
}

Output run_kernel(const KernelKind& kind, const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  const CommonOptions common = read_common(arguments, environment, problems);
  const std::string* const file = arguments.one("--batch");
  if (file != nullptr && arguments.given("--format") && common.format != Format::csv) {
    problems.push_back({.key = "--format", .message = "a batch is answered in CSV, as it was asked"});
  }
  throw_if_any(problems);
  if (file == nullptr) return run_one(kind, arguments, common, environment);
  DeviceShelf devices(common);
  Batch batch = run_batch(kind, *file, given_texts(kind, arguments), arguments.one("--device"), devices);
  return {.text = std::move(batch.csv), .file = common.output, .notes = std::move(batch.notes)};
}

Command one_kernel(const KernelKind& kind) {
  Command command{
      .name = std::string(kind.name),
      .summary = std::string(kind.summary),
      .description =
          "Predicts the time of one launch on one GPU, from the fitted law of that kernel and device where there is "
          "one, else from the data sheet's roofline, and says which. With --batch, a CSV file has one shape a row, "
          "in columns named as the options; time_us, lo_us and hi_us (the 90 % interval) are added to each row and "
          "other columns pass through."};
  for (const KernelArgument& argument : kind.arguments) {
    Option option{.name = fmt::format("--{}", argument.name),
                  .value = std::string(argument.value),
                  .help = std::string(argument.help)};
    if (!argument.fallback.empty()) option.help += fmt::format(" (default: {})", argument.fallback);
    if (!argument.choices.empty()) option.help += fmt::format(" [{}]", fmt::join(argument.choices, "|"));
    command.options.push_back(std::move(option));
  }
  command.options.push_back(
      {.name = "--device",
       .value = "DEVICE",
       .help = "YAML file or name of a shipped device (see 'moesim list devices'); in a batch, a column "
               "device may name one for each row instead"});
  command.options.push_back(
      {.name = "--batch", .value = "FILE", .help = "CSV file with one shape a row; - is standard input"});
  const std::vector<Option> common = common_options();
  command.options.insert(command.options.end(), common.begin(), common.end());
  command.examples = {
      {fmt::format("kernel {} --device a40 {}", kind.name, kind.example), "one shape"},
      {fmt::format("kernel {} --device a40 --batch shapes.csv -o times.csv", kind.name), "many shapes"}};
  command.run = [&kind](const Arguments& arguments, const Environment& environment) {
    return run_kernel(kind, arguments, environment);
  };
  return command;
}

}  // namespace

Command kernel_command() {
  Command command{
      .name = "kernel",
      .summary = "one kernel alone on one GPU; thousands at a time from a CSV file",
      .description =
          "Predicts the time of single kernels. The memory kernels are told how many bytes they move, or "
          "the rows that they go over.",
      .examples = {{"kernel gemm --device a40 --m 4096 --n 4096 --k 1024 --dtype fp16", "one matrix product"},
                   {"kernel grouped_gemm --device l40s --rows 120,96,128 --n 2048 --k 512", "three experts"},
                   {"kernel gemm --device a40 --batch shapes.csv", "adds time_us, lo_us, hi_us to every row"}}};
  for (const KernelKind& kind : kernel_kinds()) command.subcommands.push_back(one_kernel(kind));
  return command;
}

}  // namespace moesim::cli
