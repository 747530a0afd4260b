#include <array>
#include <benchmark/benchmark.h>
#include <cstddef>
#include <string_view>

#include "moesim/base/quantity_text.hpp"
#include "moesim/base/units.hpp"

namespace moesim {
namespace {

constexpr std::array<std::string_view, 4> kRates = {"12.5GB/s", "100Gbps", "31.5 GB/s", "1.75 GiB/s"};
constexpr std::array<std::string_view, 4> kTimes = {"2us", "0.722 ms", "1.5s", "350ns"};

template <class Q>
void parse(benchmark::State& state, const std::array<std::string_view, 4>& texts) {
  std::size_t next = 0;
  for (auto step : state) {
    static_cast<void>(step);
    benchmark::DoNotOptimize(parse_quantity<Q>(texts[next]));
    next = (next + 1) % texts.size();
  }
  state.SetItemsProcessed(state.iterations());
}

void parse_rate(benchmark::State& state) { parse<BytesPerSecond>(state, kRates); }
void parse_time(benchmark::State& state) { parse<Seconds>(state, kTimes); }
BENCHMARK(parse_rate);
BENCHMARK(parse_time);

void write_exactly(benchmark::State& state) {
  for (auto step : state) {
    static_cast<void>(step);
    benchmark::DoNotOptimize(exact_quantity(Seconds{0.722e-3}));
  }
}
BENCHMARK(write_exactly);

}  // namespace
}  // namespace moesim
