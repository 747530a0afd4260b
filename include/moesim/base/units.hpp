#pragma once

#include <compare>

namespace moesim {

/// A double with a physical dimension, so that seconds cannot be added to bytes. The value is always in the SI unit
/// that the alias below names (bytes, not bits; seconds, not microseconds). Prefixes are decimal; binary ones are
/// written out.
template <class Tag>
struct Quantity {
  double value = 0;

  friend constexpr auto operator<=>(Quantity, Quantity) = default;
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return {a.value + b.value}; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return {a.value - b.value}; }
  friend constexpr Quantity operator*(double scale, Quantity a) { return {scale * a.value}; }
  friend constexpr Quantity operator*(Quantity a, double scale) { return {scale * a.value}; }
  friend constexpr Quantity operator/(Quantity a, double divisor) { return {a.value / divisor}; }
  friend constexpr double operator/(Quantity a, Quantity b) { return a.value / b.value; }
  constexpr Quantity& operator+=(Quantity other) {
    value += other.value;
    return *this;
  }
};

using Seconds = Quantity<struct SecondsTag>;
using Bytes = Quantity<struct BytesTag>;
using BytesPerSecond = Quantity<struct BytesPerSecondTag>;
using Flops = Quantity<struct FlopsTag>;  ///< floating-point operations (a multiply-add is two)
using FlopsPerSecond = Quantity<struct FlopsPerSecondTag>;

constexpr Seconds operator/(Bytes size, BytesPerSecond rate) { return {size.value / rate.value}; }
constexpr BytesPerSecond operator/(Bytes size, Seconds time) { return {size.value / time.value}; }
constexpr Bytes operator*(BytesPerSecond rate, Seconds time) { return {rate.value * time.value}; }
constexpr Seconds operator/(Flops work, FlopsPerSecond rate) { return {work.value / rate.value}; }
constexpr FlopsPerSecond operator/(Flops work, Seconds time) { return {work.value / time.value}; }

namespace literals {

constexpr Seconds operator""_s(long double x) { return {static_cast<double>(x)}; }
constexpr Seconds operator""_ms(long double x) { return {static_cast<double>(x) * 1e-3}; }
constexpr Seconds operator""_us(long double x) { return {static_cast<double>(x) * 1e-6}; }
constexpr Bytes operator""_B(unsigned long long x) { return {static_cast<double>(x)}; }
constexpr Bytes operator""_KiB(unsigned long long x) { return {static_cast<double>(x) * 1024.0}; }
constexpr Bytes operator""_MiB(unsigned long long x) { return {static_cast<double>(x) * 1024.0 * 1024.0}; }
constexpr Bytes operator""_GiB(unsigned long long x) { return {static_cast<double>(x) * 1024.0 * 1024.0 * 1024.0}; }
constexpr BytesPerSecond operator""_GBps(long double x) { return {static_cast<double>(x) * 1e9}; }
constexpr BytesPerSecond operator""_Gbps(long double x) { return {static_cast<double>(x) * 1e9 / 8.0}; }
constexpr FlopsPerSecond operator""_TFLOPS(long double x) { return {static_cast<double>(x) * 1e12}; }

}  // namespace literals
}  // namespace moesim
