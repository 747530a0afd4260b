#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "moesim/sweep/evaluate.hpp"

namespace moesim {

/// How far a sweep has come.
struct SweepTotals {
  std::uint64_t next = 0;  ///< first point that is not done
  std::uint64_t rows = 0;
  std::uint64_t absent = 0;
  LeftOutByReason left_out;
  std::vector<InputFile> inputs;  ///< every file that was read, sorted by path
};

/// Where the rows go, in the order of the points.
class RowSink {
 public:
  RowSink() = default;
  RowSink(const RowSink&) = delete;
  RowSink& operator=(const RowSink&) = delete;
  virtual ~RowSink() = default;

  /// @pre chunk.begin is totals().next. @throws MachineError when it cannot be written
  void append(const SweepChunk& chunk);
  [[nodiscard]] const SweepTotals& totals() const { return totals_; }

 protected:
  /// Rows of the totals as they now are.
  virtual void write(const std::string& rows) = 0;
  SweepTotals totals_;
};

/// A file that survives being killed. Rows go to FILE.part; FILE.checkpoint, which is replaced as a whole, says how
/// many of its bytes count and what they stand for; at the end FILE.part takes the name FILE. So FILE is whole or not
/// there, and what a killed sweep has written after its last checkpoint is cut off and written again.
class FileSink : public RowSink {
 public:
  struct Options {
    std::string header;
    std::string fingerprint;
    bool resume = false;  ///< go on where a checkpoint of the same sweep stands
    std::chrono::milliseconds save_every{500};
  };
  /// @throws InputError when the checkpoint is of another sweep; MachineError
  FileSink(std::filesystem::path file, Options options);
  ~FileSink() override;

  [[nodiscard]] bool resumed() const { return resumed_; }
  /// Now, not later: when a sweep is interrupted.
  void save();
  /// The file takes its name; the checkpoint goes.
  void finish();

  [[nodiscard]] static std::filesystem::path part_of(const std::filesystem::path& file);
  [[nodiscard]] static std::filesystem::path checkpoint_of(const std::filesystem::path& file);

 private:
  void write(const std::string& rows) override;
  void start_anew();
  [[nodiscard]] bool go_on();

  std::filesystem::path file_;
  Options options_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
  bool resumed_ = false;
  std::chrono::steady_clock::time_point saved_;
};

/// An open descriptor (standard output): no way back.
class StreamSink : public RowSink {
 public:
  StreamSink(int descriptor, const std::string& header);

 private:
  void write(const std::string& rows) override;
  int descriptor_;
};

/// A checkpoint as text, and back; nullopt when it is none.
struct Checkpoint {
  std::string fingerprint;
  std::uint64_t bytes = 0;  ///< of FILE.part that count
  SweepTotals totals;
};
[[nodiscard]] std::string write_checkpoint(const Checkpoint& checkpoint);
[[nodiscard]] std::optional<Checkpoint> read_checkpoint(std::string_view text);

}  // namespace moesim
