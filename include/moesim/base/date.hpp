#pragma once

#include <string>

namespace moesim {

/// Today in UTC, YYYY-MM-DD: what samples and fits are dated with.
[[nodiscard]] std::string utc_date();

}  // namespace moesim
