#pragma once

#include <string_view>

// Files of src/figure/page, put into the program by CMake.
namespace moesim::figure {

[[nodiscard]] std::string_view page_html();
[[nodiscard]] std::string_view page_style();
[[nodiscard]] std::string_view page_script();  ///< all scripts, in order

}  // namespace moesim::figure
