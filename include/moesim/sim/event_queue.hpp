#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/units.hpp"

namespace moesim {

/// Events in total order: by time, then by the order in which they were pushed. Actions are plain data; an action that
/// may have become void by the time it comes up carries a generation number, and who pops it drops a stale one.
///
/// Time is a double in seconds, not a count of picoseconds: a whole tick would be a relative 1e-7 of a ten-microsecond
/// collective, and flow times must agree with the closed form to 1e-9 at every scale. Sums of a million steps round to
/// about 1e-13. The same operations in the same order give the same bits, so runs repeat exactly.
template <class Action>
class EventQueue {
 public:
  struct Event {
    Seconds at;
    std::uint64_t sequence = 0;
    Action action;
  };

  /// @pre `at` is not before the last event that was popped
  void push(Seconds at, Action action) {
    MOESIM_EXPECTS(at >= now_);
    heap_.push_back({at, sequence_++, std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  /// Time of the next event. @pre not empty
  [[nodiscard]] Seconds next_time() const { return heap_.front().at; }
  /// @pre not empty
  Event pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = event.at;
    return event;
  }

 private:
  static bool later(const Event& a, const Event& b) { return std::tie(a.at, a.sequence) > std::tie(b.at, b.sequence); }

  std::vector<Event> heap_;
  std::uint64_t sequence_ = 0;
  Seconds now_;
};

}  // namespace moesim
