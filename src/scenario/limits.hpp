#pragma once

#include "moesim/base/units.hpp"

#include "scenario/reader.hpp"

namespace moesim {

// What a cable, a memory or a chip can physically be, widely drawn: refuses a forgotten prefix, not a future device.

inline constexpr Limits<BytesPerSecond> kBandwidth = {{1e6}, {1e15}};  // 1 MB/s to 1 PB/s
inline constexpr Limits<Seconds> kLatency = {{0}, {1}};
inline constexpr Limits<Bytes> kMemory = {{1e3}, {1e15}};
inline constexpr Limits<FlopsPerSecond> kComputeRate = {{1e9}, {1e19}};

}  // namespace moesim
