#include "moesim/model/counts.hpp"

namespace moesim {

Table3 table3_fine_grained(const Table3Shape& m) {
  const double per_layer = 4 * m.h * m.h + 8 * m.h + (2 * m.r * m.h * m.h + 2 * m.r * m.h) * m.e;
  const double tokens = m.b * m.s;
  return {.parameters = per_layer * m.l + (m.v + m.e + 2) * m.h,
          .flops = {12 * tokens * m.l * m.h * m.h * (2 + m.s / m.h + m.v / (2 * m.l * m.h) + m.r * m.k)},
          .all_to_all = {8 * tokens * m.l * m.h * m.k * (m.ep - 1) / m.ep}};
}

Table3 table3_bigmac(const Table3Shape& m) {
  const Table3 fine_grained = table3_fine_grained(m);
  return {.parameters = fine_grained.parameters + 2 * m.r * m.l * m.h * m.h,
          .flops = fine_grained.flops + Flops{12 * m.r * m.b * m.s * m.l * m.h * m.h},
          .all_to_all = m.r * fine_grained.all_to_all};
}

}  // namespace moesim
