#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/load.hpp"
#include "moesim/scenario/scenario.hpp"

#include "scenario/config_tree.hpp"

namespace moesim {

/// What a file describes; decides the folder in which a bare name is looked for.
enum class FileKind { scenario, cluster, device, model, framework, calibration };

struct NamedFileKind {
  FileKind kind;
  std::string_view name;
  std::string_view folder;
};
inline constexpr std::array kFileKinds = {NamedFileKind{FileKind::scenario, "scenario", "configs/scenarios"},
                                          NamedFileKind{FileKind::cluster, "cluster", "configs/clusters"},
                                          NamedFileKind{FileKind::device, "device", "configs/devices"},
                                          NamedFileKind{FileKind::model, "model", "configs/models"},
                                          NamedFileKind{FileKind::framework, "framework", "configs/frameworks"},
                                          NamedFileKind{FileKind::calibration, "calibration", "calibration"}};

/// Files of configurations, each read and parsed once, and the references between them.
class Sources {
 public:
  explicit Sources(ConfigRoots roots) : roots_(std::move(roots)) {}

  /// The tree of a file that the user named on the command line; null when it cannot be used.
  [[nodiscard]] ConfigPtr open(const std::filesystem::path& file, std::vector<Diagnostic>& problems);
  /// The same for a text that is in no file: what it refers to is found through the roots only.
  [[nodiscard]] ConfigPtr open_text(const std::string& text, const std::string& name,
                                    std::vector<Diagnostic>& problems);

  /// A section with its references followed: a name becomes the file's content, `base: name` the file's content with
  /// the section's other keys laid over it; so do the references inside (a cluster's device, a device's calibration).
  /// @param key dotted path of the section, for messages
  /// @return null when a reference leads nowhere
  [[nodiscard]] ConfigPtr resolve(const ConfigPtr& section, FileKind kind, const std::string& key,
                                  std::vector<Diagnostic>& problems);

  /// A file of numbers that a value names, relative to the file that says it.
  struct Trace {
    std::string path;  ///< as messages show it
    const std::string* text = nullptr;
  };
  [[nodiscard]] std::optional<Trace> open_trace(const ConfigNode& value, const std::string& key, std::size_t max_bytes,
                                                std::vector<Diagnostic>& problems);

  /// Files used since the last `forget_used`, in order of use.
  [[nodiscard]] const std::vector<InputFile>& used() const { return used_; }
  void use(const std::vector<InputFile>& files) {
    for (const InputFile& file : files) use(file);
  }
  void forget_used() { used_.clear(); }
  void restore_used(std::vector<InputFile> used) { used_ = std::move(used); }

 private:
  struct File {
    ConfigPtr tree;
    InputFile input;
    std::string text;  ///< of traces only
  };
  /// A place that refers to a file, for messages.
  struct Referrer {
    const ConfigNode& node;
    const std::string& key;
  };
  void use(const InputFile& input);
  /// A file that was found, and its path as messages show it (asking where the user is costs more than parsing again).
  struct Located {
    std::filesystem::path path;
    std::string shown;
  };
  [[nodiscard]] ConfigPtr parse(const Located& file, std::vector<Diagnostic>& problems);
  [[nodiscard]] ConfigPtr follow(const Referrer& from, FileKind kind, std::vector<std::string>& chain,
                                 std::vector<Diagnostic>& problems);
  [[nodiscard]] ConfigPtr resolve_chain(const ConfigPtr& section, FileKind kind, const std::string& key,
                                        std::vector<std::string>& chain, std::vector<Diagnostic>& problems);
  [[nodiscard]] ConfigPtr resolve_inner(ConfigPtr section, FileKind kind, const std::string& key,
                                        std::vector<Diagnostic>& problems);
  [[nodiscard]] std::vector<std::filesystem::path> folders(FileKind kind, const std::string& referring_file) const;
  [[nodiscard]] const Located* locate(const Referrer& from, FileKind kind, std::vector<Diagnostic>& problems);
  [[nodiscard]] bool in_memory(const Origin& origin) const { return origin.file && *origin.file == memory_name_; }

  ConfigRoots roots_;
  Located main_;             ///< opened last by `open`; overrides look for names where it does
  std::string memory_name_;  ///< of the text opened by `open_text`; empty: none
  std::map<std::string, File> files_;
  std::map<std::string, Located> located_;  ///< by kind, referring file and name
  std::vector<InputFile> used_;
};

}  // namespace moesim
