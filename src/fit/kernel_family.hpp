#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "moesim/cost/kernel_laws.hpp"
#include "moesim/fit/fit_kernels.hpp"

#include "fit/robust_fit.hpp"

namespace moesim {

/// How the laws of one kind of kernel are fitted.
struct KernelFamily {
  std::vector<FreeNumber> numbers;      ///< coefficients by name, with where to start and what is physical
  std::map<std::string, double> fixed;  ///< coefficients that are known
};

/// @throws InputError for a name of no law
[[nodiscard]] KernelFamily family_of(const std::string& law, std::span<const KernelSample> samples,
                                     const Device& device);

[[nodiscard]] std::vector<LawTime> predict(const FittedLaw& law, std::span<const KernelSample> samples,
                                           const Device& device);

/// Samples of equal keys are left out together: whole (n, k) pairs, prompts, buffer sizes.
[[nodiscard]] std::string fold_key(const KernelSample& sample);
/// Size of the task, to leave out whole ranges of it.
[[nodiscard]] double size_of(const KernelSample& sample);
/// Shape arguments whose ranges a law states.
[[nodiscard]] std::map<std::string, double> arguments_of(const KernelSample& sample);

}  // namespace moesim
