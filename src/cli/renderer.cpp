#include "cli/renderer.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/file_text.hpp"

#include "cli/output.hpp"

namespace moesim::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestPicture = std::size_t{256} << 20U;  // bytes

/// A folder of its own, gone at the end.
class ScratchFolder {
 public:
  ScratchFolder() : path_((fs::temp_directory_path() / "moesim-plot-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) {
      throw MachineError(fmt::format("{}: cannot be made ({})", path_, std::strerror(errno)));
    }
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ScratchFolder(ScratchFolder&&) = delete;
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] fs::path operator/(const std::string& name) const { return fs::path(path_) / name; }

 private:
  std::string path_;
};

std::string text_of(const fs::path& file) {
  auto read = read_file(file, kLargestPicture);
  if (const auto* problem = std::get_if<Unreadable>(&read)) {
    throw MachineError(fmt::format("{}: {}", file.string(), problem->why));
  }
  return std::get<std::string>(std::move(read));
}

/// Exit status of a program whose output of both kinds goes into `log`. @throws MachineError when it does not start
int run_program(std::vector<std::string> words, const fs::path& log) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT, 0600);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, words.front().c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw MachineError(fmt::format("{}: does not start ({})", words.front(), std::strerror(error)));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw MachineError(fmt::format("{}: is lost ({})", words.front(), std::strerror(errno)));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

std::optional<Renderer> find_renderer(const std::optional<fs::path>& folder, const ConfigRoots& roots) {
  std::vector<fs::path> folders;
  if (folder) folders.push_back(*folder);
  for (const fs::path& root : roots.roots) {
    if (!folder) folders.push_back(root / "build" / "figures");
  }
  std::error_code ignored;
  for (const fs::path& candidate : folders) {
    const Renderer renderer{.python = candidate / "bin" / "python3",
                            .script = candidate / "render_figure.py",
                            .scripts = candidate / "vega.js"};
    if (fs::exists(renderer.python, ignored) && fs::exists(renderer.script, ignored) &&
        fs::exists(renderer.scripts, ignored)) {
      return renderer;
    }
  }
  return std::nullopt;
}

std::string draw(const Renderer& renderer, const std::string& spec, const std::string& ending) {
  const ScratchFolder scratch;
  const fs::path in = scratch / "figure.vl.json";
  const fs::path out = scratch / ("figure" + ending);
  const fs::path log = scratch / "log";
  write_file(in, spec);
  const int status = run_program({renderer.python.string(), renderer.script.string(), in.string(), out.string()}, log);
  if (status != 0) {
    throw MachineError(fmt::format("{} failed with status {}: {}", renderer.script.string(), status, text_of(log)));
  }
  return text_of(out);
}

}  // namespace moesim::cli
