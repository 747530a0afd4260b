#include "explain/sentences.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

#include "moesim/base/quantity_text.hpp"
#include "moesim/model/counts.hpp"

namespace moesim {
namespace {

constexpr double kWorthSaying = 0.05;  // of the step, for a part or for a saving

std::string percent(double share) { return fmt::format("{:.{}f} %", 100 * share, share < 0.0995 ? 1 : 0); }

std::string capitalised(std::string words) {
  if (!words.empty() && words.front() >= 'a' && words.front() <= 'z')
    words.front() = static_cast<char>(words.front() - 'a' + 'A');
  return words;
}

double saved(Seconds now, Seconds then) { return 1 - then / now; }

std::string_view step_name(const Prediction& prediction) { return prediction.mode == Mode::training ? "step" : "run"; }

std::string where_it_goes(const Prediction& prediction) {
  std::vector<BreakdownEntry> parts = prediction.breakdown;
  std::ranges::stable_sort(parts, std::greater<>(), &BreakdownEntry::time);
  std::string words;
  for (const BreakdownEntry& part : parts) {
    const double share = part.time / prediction.step_time.time;
    if (share < kWorthSaying) break;
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", work_kind_words(part.kind), percent(share));
  }
  std::string sentence = fmt::format("The {} takes {}{}{}.", step_name(prediction),
                                     format_quantity(prediction.step_time.time), words.empty() ? "" : ": ", words);
  const double exposed = prediction.exposed_communication / prediction.step_time.time;
  if (exposed >= kWorthSaying) {
    sentence += fmt::format(" During {} of it only communication goes on.", percent(exposed));
  }
  return sentence;
}

/// "the 100 Gb/s NIC port": with what it is now, where that is one number.
std::string subject(const Sensitivity& one) {
  std::string words(one.resource->sentence);
  if (one.resource->links != LinkKind::nic || one.values.size() != 1) return words;
  const auto rate = parse_quantity<BytesPerSecond>(one.values.front());
  return rate ? fmt::format("the {:.4g} Gb/s NIC port", rate->value * 8e-9) : words;
}

std::string first_bottleneck(const Explanation& explanation, const Sensitivity& first) {
  const Prediction& prediction = explanation.prediction;
  const Seconds now = prediction.step_time.time;
  std::string words = capitalised(subject(first));
  words += first.busiest ? fmt::format(" is busy {} of the {}; ", percent(*first.busiest), step_name(prediction))
                         : fmt::format(" counts most (1 % better saves {:.2f} %); ", first.elasticity);
  if (first.doubled) {
    words += first.resource->kind == ResourceKind::rate ? "doubling it" : "halving it";
    words += fmt::format(" saves {} ({})", percent(saved(now, *first.doubled)), format_quantity(*first.doubled));
  }
  if (explanation.after_doubling != nullptr) {
    words += explanation.after_doubling == first.resource
                 ? "; even then it binds"
                 : fmt::format("; after that {} binds", explanation.after_doubling->sentence);
  }
  return words + ".";
}

std::string chain_of(const Explanation& explanation) {
  Seconds before = explanation.prediction.step_time.time;
  std::string words;
  for (const Removal& removal : explanation.removals) {
    words += fmt::format("{} {} out of the way the {} takes {}, {} less", words.empty() ? "With" : "; with",
                         removal.resource->sentence, step_name(explanation.prediction),
                         format_quantity(removal.step_time), percent(saved(before, removal.step_time)));
    before = removal.step_time;
  }
  return words.empty() ? words : words + ".";
}

std::string what_does_not_matter(const Explanation& explanation) {
  const Seconds now = explanation.prediction.step_time.time;
  std::string words;
  for (const Sensitivity& one : explanation.sensitivities) {
    const bool known = is_independent(one.resource->kind) && one.doubled;
    if (!known || saved(now, *one.doubled) >= 0.01) continue;
    words += fmt::format("{}{}", words.empty() ? "" : ", ", one.resource->title);
  }
  return words.empty() ? words : fmt::format("Twice as good, each of these saves less than 1 %: {}.", words);
}

}  // namespace

std::vector<std::string> sentences(const Explanation& explanation) {
  std::vector<std::string> all = {where_it_goes(explanation.prediction)};
  if (!explanation.sensitivities.empty() && explanation.sensitivities.front().elasticity > 0) {
    all.push_back(first_bottleneck(explanation, explanation.sensitivities.front()));
  }
  for (std::string words : {chain_of(explanation), what_does_not_matter(explanation)}) {
    if (!words.empty()) all.push_back(std::move(words));
  }
  return all;
}

}  // namespace moesim
