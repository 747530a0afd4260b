#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "moesim/cost/collectives.hpp"

namespace moesim {

/// The plans that a CollectiveModel has made. Few at a time: beyond the limit all are forgotten (a sweep over layouts).
class PlanMemory {
 public:
  struct Key {
    CollectiveKind kind;
    Algorithms algorithms;
    TokenCopies copies;
    const RankGroups& groups;
  };

  [[nodiscard]] std::shared_ptr<const CollectivePlan> find(const Key& key) {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_) {
      if (entry.kind == key.kind && entry.algorithms == key.algorithms && entry.copies == key.copies &&
          entry.groups == key.groups) {
        return entry.plan;
      }
    }
    return nullptr;
  }

  void insert(const Key& key, std::shared_ptr<const CollectivePlan> plan) {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= kLimit) entries_.clear();
    entries_.push_back({key.kind, key.algorithms, key.copies, key.groups, std::move(plan)});
  }

 private:
  static constexpr std::size_t kLimit = 64;
  struct Entry {
    CollectiveKind kind;
    Algorithms algorithms;
    TokenCopies copies;
    RankGroups groups;
    std::shared_ptr<const CollectivePlan> plan;
  };
  std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace moesim
