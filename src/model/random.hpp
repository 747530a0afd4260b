#pragma once

#include <cstdint>
#include <initializer_list>

namespace moesim {

/// A stream of random numbers of its own for each key (seed, purpose, layer, rank ...): SplitMix64 (Steele, Lea, Flood
/// 2014, "Fast splittable pseudorandom number generators"). The standard library's distributions are not used: they
/// differ between implementations.
class RandomStream {
 public:
  RandomStream(std::initializer_list<std::uint64_t> key) {
    for (const std::uint64_t word : key) state_ = mixed(state_ + kIncrement + mixed(word + kIncrement));
  }

  std::uint64_t next() {
    state_ += kIncrement;
    return mixed(state_);
  }
  /// In [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11U) * 0x1p-53; }
  /// A whole number and a fraction, independent of each other.
  struct Split {
    std::uint64_t whole;
    double fraction;  ///< in [0, 1), 53 bits
  };
  /// bound x a number in [0, 1) of 64 bits, cut at the point (Lemire 2019, "Fast random integer generation in an
  /// interval", without its rejection: for the bounds used here, below 2^32, shares are off by less than 2^-32).
  Split split_below(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{next()} * bound;
    return {static_cast<std::uint64_t>(product >> 64U),
            static_cast<double>(static_cast<std::uint64_t>(product) >> 11U) * 0x1p-53};
  }
  /// In [0, bound).
  std::uint64_t below(std::uint64_t bound) { return split_below(bound).whole; }

 private:
  static constexpr std::uint64_t kIncrement = 0x9E3779B97F4A7C15ULL;  // 2^64 / golden ratio
  static constexpr std::uint64_t mixed(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }

  std::uint64_t state_ = 0;
};

}  // namespace moesim
