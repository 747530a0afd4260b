#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

#include "moesim/base/diagnostic.hpp"

#include "cli/bytes_matrix.hpp"
#include "cli/csv_reader.hpp"
#include "cli/output.hpp"
#include "cli/roots.hpp"

namespace moesim::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A folder of its own, gone after the test.
class Files : public ::testing::Test {
 protected:
  Files() {
    std::string name = (std::filesystem::temp_directory_path() / "moesim_cli_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Files() override { std::filesystem::remove_all(folder_); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  [[nodiscard]] std::filesystem::path file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  [[nodiscard]] static std::string content(const std::filesystem::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  std::filesystem::path folder_;
};

template <class Function>
std::string problems_of(const Function& function) {
  try {
    function();
  } catch (const InputError& error) {
    return error.what();
  } catch (const MachineError& error) {
    return error.what();
  }
  return "no problem";
}

TEST_F(Files, WriteFile_MakesAndReplacesWholeFiles) {
  write_file(folder_ / "a", "first");
  EXPECT_EQ(content(folder_ / "a"), "first");
  write_file(folder_ / "a", "second");
  EXPECT_EQ(content(folder_ / "a"), "second");
  EXPECT_EQ(count(), 1U);
}

TEST_F(Files, WriteFile_KeepsTheModeAndFollowsLinks) {
  const std::filesystem::path target = file("target", "old");
  ::chmod(target.c_str(), 0600);
  std::filesystem::create_symlink(target, folder_ / "link");
  write_file(folder_ / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link"));
  EXPECT_EQ(content(target), "new");
  struct stat status {};
  ASSERT_EQ(::stat(target.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(Files, WriteFile_NewFilesGetTheUsualMode) {
  const mode_t before = ::umask(022);
  write_file(folder_ / "a", "x");
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat((folder_ / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0644U);
}

TEST_F(Files, WriteFile_FailsWithoutTraces) {
  EXPECT_THAT(problems_of([&] { write_file(folder_ / "no" / "such", "x"); }), HasSubstr("cannot be written"));
  EXPECT_THAT(problems_of([&] { write_file(folder_, "x"); }), HasSubstr("is a directory"));
  EXPECT_EQ(count(), 0U);
}

TEST_F(Files, WriteFile_WritesToDevicesDirectly) {
  EXPECT_NO_THROW(write_file("/dev/null", "x"));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  EXPECT_THROW(write_file("/dev/full", "x"), MachineError);
}

TEST_F(Files, BytesMatrix_IsReadRowBySender) {
  const BytesMatrix matrix = read_bytes_matrix(file("m.csv", "0,1\n2.5e3,0\n"));
  EXPECT_EQ(matrix.ranks, 2);
  EXPECT_THAT(matrix.bytes, ElementsAre(0, 1, 2500, 0));
}

TEST_F(Files, BytesMatrix_ReportsAllBadCells) {
  const auto path = file("m.csv", "0,x\n-1,0,5\n");
  const std::string problems = problems_of([&] { (void)read_bytes_matrix(path); });
  EXPECT_THAT(problems, HasSubstr("m.csv:1:3: \"x\" is not a number of bytes"));
  EXPECT_THAT(problems, HasSubstr("m.csv:2: has 3 numbers and the file has 2 lines"));
  EXPECT_THAT(problems, HasSubstr("m.csv:2:1: \"-1\" is not a number of bytes"));
}

TEST_F(Files, BytesMatrix_RefusesWhatIsNone) {
  EXPECT_THAT(problems_of([&] { (void)read_bytes_matrix(file("e.csv", "")); }), HasSubstr("is empty"));
  EXPECT_THAT(problems_of([&] { (void)read_bytes_matrix(folder_ / "none.csv"); }), HasSubstr("does not exist"));
  EXPECT_THAT(problems_of([&] { (void)read_bytes_matrix(folder_); }), HasSubstr("is a directory"));
  EXPECT_THAT(problems_of([&] { (void)read_bytes_matrix(file("u.csv", "64MiB\n")); }),
              HasSubstr("is not a number of bytes"));
  EXPECT_THAT(problems_of([&] { (void)read_bytes_matrix(file("i.csv", "inf\n")); }),
              HasSubstr("is not a number of bytes"));
}

TEST_F(Files, ShippedRoots_AreTheNearestAncestorAndTheInstallation) {
  std::filesystem::create_directories(folder_ / "source" / "configs");
  std::filesystem::create_directories(folder_ / "source" / "build" / "bin");
  EXPECT_THAT(shipped_roots(folder_ / "source" / "build" / "bin" / "moesim").roots, ElementsAre(folder_ / "source"));
  std::filesystem::create_directories(folder_ / "usr" / "share" / "moesim" / "configs");
  EXPECT_THAT(shipped_roots(folder_ / "usr" / "bin" / "moesim").roots,
              ElementsAre(folder_ / "usr" / "share" / "moesim"));
  EXPECT_THAT(shipped_roots("").roots, ElementsAre());
}

TEST(ProgramPath, IsThisProgram) { EXPECT_EQ(program_path().filename(), "cli_tests"); }

}  // namespace
}  // namespace moesim::cli
