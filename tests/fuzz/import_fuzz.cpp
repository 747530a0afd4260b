#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "moesim/base/diagnostic.hpp"
#include "moesim/fit/fit_kernels.hpp"
#include "moesim/import/import.hpp"

namespace {

/// Any text becomes a file of ours, or an InputError with at least one line; nothing else is thrown.
template <class Import>
void check(const Import& import) {
  try {
    const moesim::Imported imported = import();
    if (imported.text.empty() || imported.text.back() != '\n') std::abort();
  } catch (const moesim::InputError& error) {
    if (error.diagnostics().empty()) std::abort();
    for (const moesim::Diagnostic& problem : error.diagnostics()) {
      if (problem.message.empty()) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {  // the first byte chooses the reader; seeds begin with it
    case 'h':
      check([&] { return moesim::import_hf_config(text, "fuzz.json"); });
      break;
    case 'c':
      check([&] { return moesim::import_chakra(text, "fuzz.json", 8); });
      break;
    case 'n':
      check([&] { return moesim::import_nccl_tests(text, "alltoall_perf.txt"); });
      break;
    default:
      check([&] {
        moesim::Imported imported = moesim::import_torch_profiler(text, "fuzz.json");
        static_cast<void>(moesim::parse_kernel_samples(imported.text, "fuzz.json"));  // what we write we can read
        return imported;
      });
  }
  return 0;
}
