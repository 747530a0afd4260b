#include "analytic/schedule.hpp"

#include <algorithm>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

struct Slot {
  Seconds end;
  std::size_t decided_by = kNone;  ///< operator whose end is this one's begin
};

}  // namespace

ScheduledPhase schedule(const Phase& phase, const std::vector<Seconds>& times, bool background_reduction) {
  MOESIM_EXPECTS(times.size() == phase.ops.size());
  std::vector<Slot> slots(phase.ops.size());
  std::array<std::size_t, kStreams> last_on_stream;
  last_on_stream.fill(kNone);
  ScheduledPhase result;
  std::size_t last = kNone;
  for (std::size_t i = 0; i < phase.ops.size(); ++i) {
    const Op& op = phase.ops[i];
    Slot slot;
    const auto wait_for = [&](std::size_t before) {
      if (before == kNone || slots[before].end <= slot.end) return;
      slot.end = slots[before].end;
      slot.decided_by = before;
    };
    auto& stream = last_on_stream[static_cast<std::size_t>(op.stream)];
    wait_for(stream);
    for (const OpId before : op.after) wait_for(before.index());
    slot.end += times[i];
    slots[i] = slot;
    stream = i;
    if (background_reduction && op.stream == Stream::gradient_communication) {
      result.background += times[i];
      continue;
    }
    if (op.stream != Stream::compute) result.communication += times[i];
    if (last == kNone || slot.end > slots[last].end) {
      last = i;
    }
  }
  if (last == kNone) return result;
  result.makespan = slots[last].end;
  for (std::size_t op = last; op != kNone; op = slots[op].decided_by) result.critical.push_back(op);
  return result;
}

}  // namespace moesim
