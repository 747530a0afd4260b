#include "cli/roots.hpp"

#include <system_error>

namespace moesim::cli {

ConfigRoots shipped_roots(const std::filesystem::path& program) {
  ConfigRoots roots;
  std::error_code error;
  for (std::filesystem::path folder = program.parent_path(); !folder.empty(); folder = folder.parent_path()) {
    if (std::filesystem::is_directory(folder / "configs", error)) {
      roots.roots.push_back(folder);
      break;
    }
    if (folder == folder.root_path()) break;
  }
  const std::filesystem::path share = program.parent_path().parent_path() / "share" / "moesim";
  if (std::filesystem::is_directory(share / "configs", error)) roots.roots.push_back(share);
  return roots;
}

std::filesystem::path program_path() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error);
}

}  // namespace moesim::cli
