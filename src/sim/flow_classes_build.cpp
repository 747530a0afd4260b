#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "flow_classes.hpp"

namespace moesim {
namespace {

std::uint64_t hash_of(std::span<const std::uint32_t> key) {
  std::uint64_t hash = 0x9e3779b97f4a7c15;
  for (const std::uint32_t word : key) {
    hash = (hash ^ word) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  }
  return hash;
}

/// Numbers distinct keys in the order in which they come.
class KeyTable {
 public:
  explicit KeyTable(std::size_t expected) {
    std::size_t size = 16;
    while (size < 2 * expected) size *= 2;
    slots_.assign(size, kEmpty);
  }
  std::uint32_t number(std::span<const std::uint32_t> key) {
    std::size_t slot = hash_of(key) & (slots_.size() - 1);
    while (slots_[slot] != kEmpty) {
      const std::uint32_t at = slots_[slot];
      if (std::ranges::equal(this->key(at), key)) return at;
      slot = (slot + 1) & (slots_.size() - 1);
    }
    slots_[slot] = static_cast<std::uint32_t>(ends_.size());
    words_.insert(words_.end(), key.begin(), key.end());
    ends_.push_back(static_cast<std::uint32_t>(words_.size()));
    return slots_[slot];
  }
  [[nodiscard]] std::span<const std::uint32_t> key(std::size_t number) const {
    const std::size_t begin = number == 0 ? 0 : ends_[number - 1];
    return {words_.data() + begin, ends_[number] - begin};
  }
  [[nodiscard]] std::size_t size() const { return ends_.size(); }

 private:
  static constexpr std::uint32_t kEmpty = ~std::uint32_t{0};
  std::vector<std::uint32_t> slots_;
  std::vector<std::uint32_t> words_;
  std::vector<std::uint32_t> ends_;
};

}  // namespace

struct FlowClasses::Builder {
  FlowClasses& made;
  const Snapshot& now;
  double margin;
  double growth = kInfinity;                 ///< factor by which rates may grow before a dormant link could fill
  std::vector<double> level_of;              ///< by constraint
  std::vector<std::uint32_t> class_of = {};  ///< by position in now.present
  std::vector<double> limit = {};            ///< by class: rate that its flows must not exceed

  [[nodiscard]] std::span<const LinkId> route(std::uint32_t flow) const {
    return now.flows.routes[now.flows.route_of[flow]];
  }

  /// Links that cannot fill, because all their flows pass another link that is no wider.
  [[nodiscard]] std::vector<char> find_sheltered(const std::vector<double>& load) const {
    constexpr std::size_t kMost = 4;
    struct Candidates {
      std::array<Index, kMost> links{};
      std::size_t count = 0;
      bool seen = false;
    };
    std::vector<Candidates> common(load.size());
    const auto narrower = [this](Index a, Index b) {
      return std::pair{now.capacities[a], a} < std::pair{now.capacities[b], b};
    };
    for (const std::uint32_t flow : now.present) {
      const std::span<const LinkId> links = route(flow);
      for (const LinkId link : links) {
        Candidates& of = common[link.index()];
        if (of.seen && of.count == 0) continue;
        if (std::ranges::count(links, link) > 1) {
          of = {.links = {}, .count = 0, .seen = true};
        } else if (of.seen) {
          std::size_t kept = 0;
          for (std::size_t i = 0; i < of.count; ++i) {
            if (std::ranges::count(links, LinkId{of.links[i]}) > 0) of.links[kept++] = of.links[i];
          }
          of.count = kept;
        } else {
          of.seen = true;
          for (const LinkId other : links) {
            if (of.count < kMost && narrower(other.value, link.value)) of.links[of.count++] = other.value;
          }
        }
      }
    }
    std::vector<char> sheltered;
    sheltered.reserve(common.size());
    for (const Candidates& of : common) sheltered.push_back(of.count > 0 ? 1 : 0);
    return sheltered;
  }

  /// Links by their usual place on a route: then those that share flows with a link are neighbours.
  [[nodiscard]] std::vector<std::uint32_t> by_hop() const {
    std::vector<double> hops(now.capacities.size(), 0);
    std::vector<double> passages(now.capacities.size(), 0);
    for (const std::uint32_t flow : now.present) {
      const std::span<const LinkId> links = route(flow);
      for (std::size_t hop = 0; hop < links.size(); ++hop) {
        hops[links[hop].index()] += static_cast<double>(hop);
        passages[links[hop].index()] += 1;
      }
    }
    std::vector<std::uint32_t> order(now.capacities.size());
    std::iota(order.begin(), order.end(), 0U);
    for (const std::uint32_t l : order) hops[l] = passages[l] > 0 ? std::round(hops[l] / passages[l]) : 0;
    std::stable_sort(order.begin(), order.end(),
                     [&hops](std::uint32_t a, std::uint32_t b) { return hops[a] < hops[b]; });
    return order;
  }

  void choose_links() {
    std::vector<double> load(now.capacities.size(), 0);
    for (const std::uint32_t flow : now.present) {
      for (const LinkId link : route(flow)) load[link.index()] += now.rates[flow];
    }
    const std::vector<char> sheltered = find_sheltered(load);
    made.constraint_of_link_.assign(now.capacities.size(), kNone);
    for (const std::uint32_t l : by_hop()) {
      if (load[l] <= 0) continue;
      if (now.levels[l] == kInfinity && sheltered[l] != 0) continue;
      if (now.levels[l] == kInfinity && load[l] * margin <= now.capacities[l]) {
        growth = std::min(growth, now.capacities[l] / load[l]);
        continue;
      }
      made.constraint_of_link_[l] = made.levels_.add_link(now.capacities[l], now.levels[l]);
      made.link_of_constraint_.push_back(l);
      level_of.push_back(now.levels[l]);
    }
    if (now.flows.caps.empty()) return;
    std::vector<double> caps;
    for (const std::uint32_t flow : now.present) {
      if (now.flows.caps[flow] <= margin * now.rates[flow]) caps.push_back(now.flows.caps[flow]);
    }
    std::sort(caps.begin(), caps.end());
    caps.erase(std::unique(caps.begin(), caps.end()), caps.end());
    for (const double cap : caps) {
      made.caps_.emplace_back(cap, made.levels_.add_cap(cap));
      made.link_of_constraint_.push_back(kNone);
      level_of.push_back(cap);
    }
  }

  /// Constraints that may stop the flow, ascending; a link passed twice is there twice.
  void find_key(std::uint32_t flow, std::vector<Index>& key) const {
    key.clear();
    const double reach = margin * now.rates[flow];
    for (const LinkId link : route(flow)) {
      const Index k = made.constraint_of_link_[link.index()];
      if (k != kNone && (level_of[k] <= reach || level_of[k] == kInfinity)) key.push_back(k);
    }
    if (!now.flows.caps.empty() && now.flows.caps[flow] <= reach) key.push_back(cap_constraint(now.flows.caps[flow]));
    std::sort(key.begin(), key.end());
  }

  [[nodiscard]] Index cap_constraint(double cap) const {
    return std::lower_bound(made.caps_.begin(), made.caps_.end(), std::pair{cap, Index{0}})->second;
  }

  void sort_flows(const KeyTable& keys) {
    made.classes_.resize(keys.size());
    for (const std::uint32_t c : class_of) ++made.classes_[c].end;
    std::uint32_t end = 0;
    for (Class& of : made.classes_) {
      of.head = end;
      end += of.end;
      of.end = of.head;
    }
    made.member_.resize(now.present.size());
    for (std::size_t i = 0; i < now.present.size(); ++i)
      made.member_[made.classes_[class_of[i]].end++] = now.present[i];
    for (const Class& of : made.classes_) {
      std::stable_sort(made.member_.begin() + of.head, made.member_.begin() + of.end,
                       [this](std::uint32_t a, std::uint32_t b) { return now.remaining[a] < now.remaining[b]; });
    }
    made.member_remaining_.reserve(made.member_.size());
    for (const std::uint32_t flow : made.member_) made.member_remaining_.push_back(now.remaining[flow]);
  }

  void enter_passages(const KeyTable& keys) {
    std::vector<double> passages(level_of.size(), 0);
    std::vector<Index> touched;
    for (std::size_t c = 0; c < made.classes_.size(); ++c) {
      const Class& of = made.classes_[c];
      made.levels_.add_class(of.end - of.head, limit[c]);
      touched.clear();
      for (std::uint32_t i = of.head; i < of.end; ++i) {
        for (const LinkId link : route(made.member_[i])) {
          const Index k = made.constraint_of_link_[link.index()];
          if (k == kNone) continue;
          if (passages[k] == 0) touched.push_back(k);
          passages[k] += 1;
        }
      }
      for (const Index k : keys.key(c)) {
        if (made.link_of_constraint_[k] != kNone) continue;
        passages[k] = of.end - of.head;
        touched.push_back(k);
      }
      for (const Index k : touched) {
        made.levels_.add_passages(k, passages[k], std::ranges::binary_search(keys.key(c), k));
        passages[k] = 0;
      }
    }
  }

  void build() {
    choose_links();
    KeyTable keys(now.present.size());
    std::vector<Index> key;
    class_of.reserve(now.present.size());
    for (const std::uint32_t flow : now.present) {
      find_key(flow, key);
      const std::uint32_t c = keys.number(key);
      class_of.push_back(c);
      if (c == limit.size()) limit.push_back(kInfinity);
      const double rate = now.rates[flow];
      const bool far_cap = !now.flows.caps.empty() && now.flows.caps[flow] > margin * rate;
      limit[c] = std::min({limit[c], growth * rate, far_cap ? now.flows.caps[flow] : kInfinity});
    }
    sort_flows(keys);
    enter_passages(keys);
  }
};

FlowClasses::FlowClasses(const Snapshot& snapshot, double margin)
    : flows_(snapshot.flows), left_(snapshot.present.size()) {
  Builder builder{.made = *this, .now = snapshot, .margin = margin, .level_of = {}};
  builder.build();
  const std::size_t constraints = link_of_constraint_.size();
  clock_.assign(constraints, 0);
  due_.assign(constraints, kInfinity);
  heap_.resize(constraints);
  counted_idle_.assign(constraints, 0);
  levels_.start();
  for (Index c = 0; c < classes_.size(); ++c) {
    classes_[c].home = levels_.stopped_by(c);
    schedule(c);
  }
  for (Index k = 0; k < constraints; ++k) refresh(k);
}

}  // namespace moesim
