#include "moesim/sweep/sink.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/file_text.hpp"

namespace moesim {
namespace {

[[noreturn]] void fail(const std::string& what, int error) {
  throw MachineError(fmt::format("{}: cannot be written ({})", what, std::strerror(error)));
}

void write_all(int descriptor, std::string_view text, const std::string& what) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(what, errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail(to.string(), errno);
}

}  // namespace

void RowSink::append(const SweepChunk& chunk) {
  MOESIM_EXPECTS(chunk.begin == totals_.next);
  totals_.next = chunk.end;
  totals_.rows += chunk.rows;
  totals_.absent += chunk.absent;
  add(totals_.left_out, chunk.left_out);
  for (const InputFile& input : chunk.inputs) {
    const auto place = std::lower_bound(totals_.inputs.begin(), totals_.inputs.end(), input,
                                        [](const InputFile& a, const InputFile& b) { return a.path < b.path; });
    if (place == totals_.inputs.end() || place->path != input.path) {
      totals_.inputs.insert(place, input);
    } else if (place->hash != input.hash) {
      throw MachineError(
          fmt::format("{}: has changed while the sweep ran (its rows would not belong together) start "
                      "it again without --resume",
                      input.path));
    }
  }
  write(chunk.text);
}

// --- a file

std::filesystem::path FileSink::part_of(const std::filesystem::path& file) { return file.string() + ".part"; }
std::filesystem::path FileSink::checkpoint_of(const std::filesystem::path& file) {
  return file.string() + ".checkpoint";
}

FileSink::FileSink(std::filesystem::path file, Options options)
    : file_(std::move(file)), options_(std::move(options)), saved_(std::chrono::steady_clock::now()) {
  struct stat status {};
  if (::stat(file_.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    throw MachineError(fmt::format("{}: is a directory (a file is expected)", file_.string()));
  }
  const std::filesystem::path part = part_of(file_);
  descriptor_ = ::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail(part.string(), errno);
  try {
    resumed_ = options_.resume && go_on();
    if (!resumed_) start_anew();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

FileSink::~FileSink() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void FileSink::start_anew() {
  // The old checkpoint must not vouch for the new rows.
  if (::unlink(checkpoint_of(file_).c_str()) != 0 && errno != ENOENT) fail(checkpoint_of(file_).string(), errno);
  if (::ftruncate(descriptor_, 0) != 0) fail(part_of(file_).string(), errno);
  totals_ = {};
  write_all(descriptor_, options_.header, part_of(file_).string());
  bytes_ = options_.header.size();
}

bool FileSink::go_on() {
  constexpr std::size_t kLargest = std::size_t{16} << 20U;
  const auto read = read_file(checkpoint_of(file_), kLargest);
  const auto* text = std::get_if<std::string>(&read);
  std::optional<Checkpoint> checkpoint = text != nullptr ? read_checkpoint(*text) : std::nullopt;
  if (!checkpoint) return false;
  if (checkpoint->fingerprint != options_.fingerprint) {
    throw InputError(fmt::format(
        "{}: is of another sweep (the sweep, its files, options or the program have changed since) run without "
        "--resume to start anew, or with another -o",
        checkpoint_of(file_).string()));
  }
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) fail(part_of(file_).string(), errno);
  if (std::cmp_less(status.st_size, checkpoint->bytes)) return false;  // the machine went down before it was on disk
  const auto end = static_cast<off_t>(checkpoint->bytes);
  if (::ftruncate(descriptor_, end) != 0) fail(part_of(file_).string(), errno);
  if (::lseek(descriptor_, end, SEEK_SET) != end) fail(part_of(file_).string(), errno);
  bytes_ = checkpoint->bytes;
  totals_ = std::move(checkpoint->totals);
  return true;
}

void FileSink::write(const std::string& rows) {
  write_all(descriptor_, rows, part_of(file_).string());
  bytes_ += rows.size();
  if (std::chrono::steady_clock::now() - saved_ >= options_.save_every) save();
}

void FileSink::save() {
  // Rows first: a checkpoint never speaks of what is not on the disk.
  if (::fdatasync(descriptor_) != 0 && errno != EINVAL) fail(part_of(file_).string(), errno);
  const std::filesystem::path checkpoint = checkpoint_of(file_);
  const std::filesystem::path fresh = checkpoint.string() + ".new";
  const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(fresh.string(), errno);
  try {
    write_all(descriptor, write_checkpoint({options_.fingerprint, bytes_, totals_}), fresh.string());
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  if (::close(descriptor) != 0) fail(fresh.string(), errno);
  rename_file(fresh, checkpoint);
  saved_ = std::chrono::steady_clock::now();
}

void FileSink::finish() {
  // Saved once more, so that a kill between here and the new name loses nothing.
  save();
  rename_file(part_of(file_), file_);
  if (::unlink(checkpoint_of(file_).c_str()) != 0) fail(checkpoint_of(file_).string(), errno);
}

// --- a stream

StreamSink::StreamSink(int descriptor, const std::string& header) : descriptor_(descriptor) {
  write_all(descriptor_, header, "standard output");
}

void StreamSink::write(const std::string& rows) { write_all(descriptor_, rows, "standard output"); }

}  // namespace moesim
