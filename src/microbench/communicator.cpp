#include "microbench/communicator.hpp"

#include <cstring>
#include <fmt/core.h>
#include <set>
#include <unistd.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim::microbench {
namespace {

constexpr double kPatience = 120;  // [s] for the other processes to start

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof(name) - 1) != 0) return "unknown";
  return name;
}

}  // namespace

void check(ncclResult_t status, const std::source_location& place) {
  if (status == ncclSuccess) return;
  throw MachineError(fmt::format("NCCL: {} ({}) at {}:{}; NCCL_DEBUG=WARN says more", ncclGetErrorString(status),
                                 ncclGetLastError(nullptr), place.file_name(), place.line()));
}

Communicator::Communicator(int ranks, int first_rank, const std::vector<int>& devices, const ncclUniqueId& id)
    : ranks_(ranks) {
  check(ncclGroupStart());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const int rank = first_rank + static_cast<int>(i);
    if (rank >= ranks) break;
    members_.push_back({.device = devices[i], .rank = rank});
    check(cudaSetDevice(devices[i]));
    check(ncclCommInitRank(&members_.back().communicator, ranks, id, rank));
  }
  check(ncclGroupEnd());
}

Communicator::~Communicator() {
  for (const Member& member : members_) ncclCommDestroy(member.communicator);
}

World find_world(const Launch& launch, int most, std::string rendezvous) {
  const int gpus = count_gpus();
  World world;
  world.launch = launch;
  world.rendezvous = std::move(rendezvous);
  if (!launch.launched) {
    world.ranks = most > 0 ? std::min(most, gpus) : gpus;
    for (int device = 0; device < world.ranks; ++device) world.devices.push_back(device);
    return world;
  }
  if (launch.local_rank >= gpus && gpus > 1) {
    throw MachineError(fmt::format("process {} of this host has no GPU (there are {}): start one process for each GPU",
                                   launch.local_rank, gpus));
  }
  world.ranks = launch.world;
  world.first_rank = launch.rank;
  // A launcher may show each process its own GPU alone.
  world.devices = {gpus == 1 ? 0 : launch.local_rank};
  if (launch.world == 1) return world;
  if (world.rendezvous.empty()) {
    throw InputError("--rendezvous: is needed with several processes (a folder that all hosts share)");
  }
  // Everyone says where it is; the number of different hosts is that of the machines.
  const std::string run = fmt::format("moesim-bench.{}.host.", launch.job);
  const std::string host = host_name();
  publish(world.rendezvous, run + std::to_string(launch.rank), {host.begin(), host.end()});
  std::set<std::string> hosts;
  for (int rank = 0; rank < launch.world; ++rank) {
    const std::vector<char> name = await(world.rendezvous, run + std::to_string(rank), kPatience);
    hosts.emplace(name.begin(), name.end());
  }
  world.nodes = static_cast<int>(hosts.size());
  return world;
}

ncclUniqueId World::agree(const std::string& name) const {
  ncclUniqueId id{};
  if (launch.world == 1) {
    check(ncclGetUniqueId(&id));
    return id;
  }
  const std::string file = fmt::format("moesim-bench.{}.{}", launch.job, name);
  if (launch.rank == 0) {
    check(ncclGetUniqueId(&id));
    publish(rendezvous, file, {id.internal, id.internal + sizeof(id.internal)});
    return id;
  }
  const std::vector<char> bytes = await(rendezvous, file, kPatience);
  if (bytes.size() != sizeof(id.internal)) throw MachineError(fmt::format("{}/{}: is cut short", rendezvous, file));
  std::memcpy(id.internal, bytes.data(), bytes.size());
  return id;
}

}  // namespace moesim::microbench
