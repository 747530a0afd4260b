#pragma once

#include <span>
#include <string>

#include "moesim/fit/fit_links.hpp"

namespace moesim {

/// CSV as `calibrate` reads it. @param origin said in a comment above
[[nodiscard]] std::string link_table(std::span<const LinkSample> samples, const std::string& origin);

}  // namespace moesim
