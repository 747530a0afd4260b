#include "fit/kernel_devices.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <map>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/load.hpp"

#include "fit/link_machines.hpp"

namespace moesim {
namespace {

Provenance from(std::string source, std::string license, std::string hardware) {
  Provenance provenance;
  provenance.source = std::move(source);
  provenance.license = std::move(license);
  provenance.hardware = std::move(hardware);
  provenance.command = "MOESIM_WRITE_CALIBRATION=calibration fit_kernels_tests";
  return provenance;
}

Provenance vidur() {
  return from("microsoft/vidur, profiling data of compute kernels", "MIT", "NVIDIA A40 48 GB, PyTorch, cuBLAS");
}
Provenance aiconfigurator(std::string hardware) {
  return from("NVIDIA ai-dynamo/aiconfigurator, collected kernel times", "Apache-2.0", std::move(hardware));
}

std::vector<KernelTable> make_tables() {
  std::vector<KernelTable> tables;
  tables.push_back({"a40", {"gemm/a40_fp16.csv"}, {"gemm.fp16"}, vidur()});
  tables.push_back({"a40",
                    {"layer_ops/a40_internlm_internlm-20b.csv", "layer_ops/a40_meta-llama_Llama-2-7b-hf.csv",
                     "layer_ops/a40_microsoft_phi-2.csv"},
                    {"memory.norm", "memory.activation", "memory.gated_activation", "memory.residual_add",
                     "memory.rotary", "memory.embedding"},
                    vidur()});
  for (const auto& [device, hardware] : {std::pair<std::string, std::string>("a100_sxm", "NVIDIA A100 SXM4 80 GB"),
                                         std::pair<std::string, std::string>("l40s", "NVIDIA L40S 48 GB")}) {
    tables.push_back({device, {"gemm/" + device + "_bf16.csv"}, {"gemm.bf16"}, aiconfigurator(hardware + ", cuBLAS")});
    tables.push_back({device,
                      {"moe_kernels/" + device + "_fused.csv"},
                      {"grouped_gemm.bf16"},
                      aiconfigurator(hardware + ", SGLang's fused experts (Triton)")});
    tables.push_back({device,
                      {"attention/" + device + "_context_bf16.csv"},
                      {"attention.prefill.bf16"},
                      aiconfigurator(hardware + ", an engine's paged attention, its cache written")});
    tables.push_back({device,
                      {"attention/" + device + "_generation_bf16.csv"},
                      {"attention.decode.bf16"},
                      aiconfigurator(hardware + ", an engine's paged attention")});
  }
  tables.push_back({"a100_sxm",
                    {"layer_ops/a100_qwen2_moe.csv"},
                    {"memory.router"},
                    from("Frontier, profiling data of Qwen2-MoE layers (gating: the router's product included)", "MIT",
                         "NVIDIA A100")});
  // `moesim calibrate` makes the files of these two (docs/calibration.md); here their laws are checked and carried
  // over.
  for (const auto& [device, hardware] : {std::pair<std::string, std::string>("h200_sxm", "NVIDIA H200"),
                                         std::pair<std::string, std::string>("h100_sxm", "NVIDIA H100 80GB HBM3")}) {
    const std::string samples = "calibration/samples/" + device;
    tables.push_back({device,
                      {samples + "_torch.csv", samples + "_torch_warm.csv"},
                      {"gemm.bf16", "grouped_gemm.bf16", "batched_gemm.bf16", "memory.norm", "memory.activation",
                       "memory.residual_add", "memory.copy", "memory.router", "memory.permute", "memory.unpermute",
                       "memory.unpermute_atomic", "memory.optimizer"},
                      from("measured by scripts/bench_torch.py", "Apache-2.0", hardware)});
  }
  return tables;
}

std::filesystem::path place_of(const std::filesystem::path& file) {
  const std::filesystem::path own = std::filesystem::path(MOESIM_SOURCE_DIR) / file;
  return std::filesystem::exists(own) ? own : measured_data() / file;
}

/// Errors of a device's law on samples of another law, or of another device.
std::vector<RegionError> transfer_error(const std::string& from_device, const std::string& law,
                                        const std::string& to_device, const std::string& to_law) {
  return check_law(measured_fit(from_device, law).law, samples_of(table_of(to_device, to_law), to_law),
                   device_sheet(to_device));
}

struct Check {
  std::string device;
  std::string law;
};

struct LawTransfer {
  std::string name;               ///< of the law here
  std::string device;             ///< that it is from
  std::string law;                ///< there
  std::vector<Check> checked_on;  ///< samples that tell the error
  std::string why;
};

FittedLaw transferred(const LawTransfer& transfer) {
  std::vector<RegionError> errors;
  std::string evidence = transfer.why;
  for (const Check& check : transfer.checked_on) {
    const std::vector<RegionError> there = transfer_error(transfer.device, transfer.law, check.device, check.law);
    evidence +=
        fmt::format("; {} of {} predicts {} of {} within {:.0f} % (median), {:.0f} % (90 %)", transfer.law,
                    transfer.device, check.law, check.device, 100 * there.front().median, 100 * there.front().p90);
    errors.insert(errors.end(), there.begin(), there.end());
  }
  if (errors.empty()) evidence += "; no device has both: a factor of two";
  return transferred_law(measured_fit(transfer.device, transfer.law).law, transfer.name, transfer.device, errors,
                         evidence);
}

/// Equal products as tiles of one kernel, by the device's own law of a product. How far that is off is known where both
/// are measured: on the H200.
FittedLaw batch_by_product(const std::string& device, const std::string& product, const std::string& name) {
  const std::string measured = "batched_gemm.bf16";
  FittedLaw check = measured_fit("h200_sxm", "gemm.bf16").law;
  check.name = measured;
  const std::vector<RegionError> errors =
      check_law(check, samples_of(table_of("h200_sxm", measured), measured), device_sheet("h200_sxm"));
  return transferred_law(measured_fit(device, product).law, name, device, errors,
                         fmt::format("the tiles of all products in one kernel, by the law of one product; on the H200 "
                                     "that predicts {} within {:.0f} % (median), {:.0f} % (90 %)",
                                     measured, 100 * errors.front().median, 100 * errors.front().p90));
}

/// Unequal products in one kernel: the device's own law of a product, slower by as much as the H200's grouped kernels
/// are slower than its products (launch, feed of the tiles, memory). Checked on the fused experts of the A100 and the
/// L40S, which is another library, too.
FittedLaw slowed_product(const std::string& device, const std::string& product, const std::string& name) {
  const FittedLaw& one = measured_fit("h200_sxm", "gemm.bf16").law;
  const FittedLaw& group = measured_fit("h200_sxm", "grouped_gemm.bf16").law;
  FittedLaw law = measured_fit(device, product).law;
  law.name = name;
  law.coefficients["launch_s"] += group.coefficient("launch_s") - one.coefficient("launch_s");
  for (const char* rate : {"cache_rate", "memory_efficiency"}) {
    law.coefficients[rate] *= group.coefficient(rate) / one.coefficient(rate);
  }
  return law;
}

FittedLaw group_by_product(const std::string& device, const std::string& product, const std::string& name) {
  std::vector<RegionError> errors;
  std::string evidence = "the device's law of a product, slower by as much as the H200's grouped kernels are";
  for (const char* other : {"a100_sxm", "l40s"}) {
    const FittedLaw check = slowed_product(other, "gemm.bf16", "grouped_gemm.bf16");
    const std::vector<KernelSample> samples = samples_of(table_of(other, check.name), check.name);
    const std::vector<RegionError> there = check_law(check, samples, device_sheet(other));
    evidence += fmt::format(
        "; so made for {} it predicts Triton's fused experts within {:.0f} % (median), {:.0f} % "
        "(90 %), bias {:+.0f} %",
        other, 100 * there.front().median, 100 * there.front().p90, 100 * there.front().bias);
    errors.insert(errors.end(), there.begin(), there.end());
  }
  return transferred_law(slowed_product(device, product, name), name, device, errors, evidence);
}

/// Backward attention: five products for the forward pass's two, at 63/73 of its efficiency.
FittedLaw backward_of(FittedLaw forward, const std::string& name) {
  constexpr double kSlower = 63.0 / 73.0;
  forward.coefficients["compute_efficiency"] *= kSlower;
  forward.coefficients["work"] = 2.5;
  forward.coefficients.erase("cache_writes");
  const RegionError assumed{.region = "all", .log_p90 = 0.35};
  const std::array errors = {assumed};
  FittedLaw law = transferred_law(
      forward, name, "the forward pass", errors,
      "2.5 times the FLOPs of the forward pass at 63/73 of its efficiency, the shares of the A100's peak in Dao 2023 "
      "(arXiv 2307.08691, section 4.1); the spread is an assumption");
  return law;
}

std::vector<LawTransfer> transfers_of(const std::string& device) {
  // Memory-bound kernels: shares of the bandwidth and times of a launch carry over.
  const std::string routing = "routing kernels: the H200's share of the bandwidth";
  std::vector<LawTransfer> list = {
      {"memory.permute", "h200_sxm", "memory.permute", {}, routing},
      {"memory.unpermute", "h200_sxm", "memory.unpermute", {}, routing},
      {"memory.unpermute_atomic", "h200_sxm", "memory.unpermute_atomic", {}, routing},
      {"memory.optimizer", "h200_sxm", "memory.optimizer", {}, "fused Adam: the H200's share of the bandwidth"}};
  if (device == "a40") {
    const std::string attention = "attention: the A100's share of the peak";
    list.push_back({"attention.prefill.fp16",
                    "a100_sxm",
                    "attention.prefill.bf16",
                    {{"l40s", "attention.prefill.bf16"}},
                    attention});
    list.push_back(
        {"attention.decode.fp16", "a100_sxm", "attention.decode.bf16", {{"l40s", "attention.decode.bf16"}}, attention});
  } else {
    const std::string share = "the A40's share of the bandwidth";
    for (const std::string kernel : {"memory.norm", "memory.activation", "memory.residual_add"}) {
      list.push_back({kernel, "a40", kernel, {{"h200_sxm", kernel}}, share});
    }
    const std::vector<Check> like = {{"h200_sxm", "memory.activation"}};
    for (const std::string kernel : {"memory.gated_activation", "memory.rotary"}) {
      list.push_back({kernel, "a40", kernel, like, share});
    }
    list.push_back({"memory.embedding", "a40", "memory.embedding", {}, share});
  }
  if (device != "a100_sxm") {
    list.push_back({"memory.router",
                    "a100_sxm",
                    "memory.router",
                    {{"h200_sxm", "memory.router"}},
                    "the A100's share of the bandwidth"});
  }
  // Nobody has measured these: plain streams, as an activation. How alike such kernels are, measured ones tell.
  std::vector<Check> streams = {
      {"a40", "memory.residual_add"}, {"a40", "memory.gated_activation"}, {"a40", "memory.rotary"}};
  if (device != "a40") streams.push_back({"h200_sxm", "memory.activation"});
  for (const std::string kernel : {"memory.copy", "memory.softmax", "memory.cross_entropy", "memory.cast"}) {
    list.push_back({kernel, "a40", "memory.activation", streams, "a stream over memory, as an activation"});
  }
  return list;
}

template <class Make>
void add_missing(Calibration& calibration, const std::string& name, const Make& make) {
  if (calibration.find(name) == nullptr) calibration.laws.push_back(make(name));
}

}  // namespace

const std::vector<KernelTable>& kernel_tables() {
  static const std::vector<KernelTable> tables = make_tables();
  return tables;
}

Device device_sheet(const std::string& name) {
  const std::filesystem::path root = MOESIM_SOURCE_DIR;
  return load_device(root / "configs" / "devices" / (name + ".yaml"), {}, ConfigRoots{}).device();
}

bool is_here(const KernelTable& table) {
  return std::ranges::all_of(table.files, [](const auto& file) { return std::filesystem::exists(place_of(file)); });
}

std::vector<KernelSample> samples_of(const KernelTable& table, const std::string& law) {
  static std::map<std::filesystem::path, std::vector<KernelSample>> read;
  std::vector<KernelSample> samples;
  for (const std::filesystem::path& file : table.files) {
    const auto [at, first] = read.try_emplace(file);
    if (first) at->second = read_kernel_samples(place_of(file).string());
    std::ranges::copy_if(at->second, std::back_inserter(samples), [&](const auto& one) { return one.law == law; });
  }
  return samples;
}

const KernelTable& table_of(const std::string& device, const std::string& law) {
  const auto found = std::ranges::find_if(kernel_tables(), [&](const KernelTable& table) {
    return table.device == device && std::ranges::find(table.laws, law) != table.laws.end();
  });
  MOESIM_EXPECTS(found != kernel_tables().end());
  return *found;
}

const KernelFit& measured_fit(const std::string& device, const std::string& law) {
  static std::map<std::string, KernelFit> fits;
  const std::string key = device + " " + law;
  if (const auto found = fits.find(key); found != fits.end()) return found->second;
  const KernelTable& table = table_of(device, law);
  KernelFitOptions options;
  options.provenance = table.provenance;
  return fits.emplace(key, fit_kernel(samples_of(table, law), device_sheet(device), options)).first->second;
}

bool is_ours(const std::string& device) { return device == "h100_sxm" || device == "h200_sxm"; }

std::vector<std::string> calibrated_devices() { return {"a40", "a100_sxm", "l40s", "h200_sxm", "h100_sxm"}; }

Calibration make_calibration(const std::string& device) {
  MOESIM_EXPECTS(!is_ours(device));
  Calibration calibration{.name = device, .device = device, .laws = {}};
  for (const KernelTable& table : kernel_tables()) {
    if (table.device != device) continue;
    for (const std::string& law : table.laws) calibration.laws.push_back(measured_fit(device, law).law);
  }
  for (const LawTransfer& transfer : transfers_of(device)) {
    if (calibration.find(transfer.name) == nullptr) calibration.laws.push_back(transferred(transfer));
  }
  const std::string dtype = device == "a40" ? ".fp16" : ".bf16";
  const std::string product = "gemm" + dtype;
  add_missing(calibration, "batched_gemm" + dtype,
              [&](const std::string& name) { return batch_by_product(device, product, name); });
  add_missing(calibration, "grouped_gemm" + dtype,
              [&](const std::string& name) { return group_by_product(device, product, name); });
  add_missing(calibration, "attention.backward" + dtype, [&](const std::string& name) {
    return backward_of(*calibration.find("attention.prefill" + dtype), name);
  });
  return calibration;
}

}  // namespace moesim
