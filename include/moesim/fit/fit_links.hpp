#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "moesim/cost/collectives.hpp"

namespace moesim {

/// One measured collective.
struct LinkSample {
  CollectiveKind kind = CollectiveKind::all_to_all;
  int ranks = 0;
  double bytes = 0;    ///< per rank, nccl-tests' "size"
  double seconds = 0;  ///< of the whole collective
  RankGroups groups;   ///< that ran it at the same time; empty: one, of the first `ranks` ranks of the cluster

  [[nodiscard]] RankGroups all_groups() const { return groups.empty() ? RankGroups{first_ranks(ranks)} : groups; }
};

/// Reads a CSV with the columns collective (ours or nccl-tests' names), ranks (or nodes and gpus_per_node),
/// bytes_per_rank (or bytes) and time_us or time_s; others are ignored. @throws InputError with every bad line,
/// MachineError when the file cannot be read
[[nodiscard]] std::vector<LinkSample> read_link_samples(const std::string& path);

/// Which parts of the link law a family of collectives needs on a machine. The rest keeps its default.
struct LinkLawShape {
  std::vector<LinkKind> links;          ///< whose efficiency is fitted
  bool contention = false;              ///< links get slower the more GPUs of a machine are at work
  double contention_ranks = 1e9;        ///< ... up to so many
  bool small_message_cost = false;      ///< low-latency protocols that send flags beside the data
  bool nic_contention = false;          ///< NICs get slower the more GPUs share them
  bool local_share = false;             ///< what stays in a machine waits for the network
  std::map<std::string, double> fixed;  ///< coefficients known from elsewhere, by name, e.g. "efficiency.nic"
};
/// By LinkFamily, inside a machine and between machines.
struct LinkLawShapes {
  std::array<LinkLawShape, kLinkFamilies.size()> inside;
  std::array<LinkLawShape, kLinkFamilies.size()> between;
};
/// The same shape for all families.
[[nodiscard]] LinkLawShapes same_shapes(const LinkLawShape& shape);

/// |measured / predicted - 1| of samples that were left out of the fit.
struct LeftOut {
  std::string what;  ///< "ranks 4 of all_gather", "every fifth size of all_to_all"
  int samples = 0;
  double median = 0;
  double p90 = 0;
  double median_log_ratio = 0;  ///< of ln(measured / predicted): its sign is the bias
  double coverage = 0;          ///< share within the 90 % intervals that what else was left out gives, by size
};

struct LinkFit {
  FittedLaw law;                  ///< named "links"; provenance: samples, errors and validation are filled in
  std::vector<LeftOut> left_out;  ///< how it was validated
};

/// Sizes that count fully, [B per rank]; smaller ones count less: nobody's step time hangs on them.
inline constexpr double kSmallestFittedBytes = 65536;

/// Fits the link law through the model itself: robust least squares on ln(time), for each family on all its samples.
/// Validated by leaving out every fifth size in turn and, where three or more GPU counts were measured, each count that
/// is not the smallest. @param model of the cluster, ideal (its loads and latencies are used, not its law)
[[nodiscard]] LinkFit fit_links(const CollectiveModel& model, const std::vector<LinkSample>& samples,
                                const LinkLawShapes& shapes);

/// The same with shapes chosen by the data: the kind of link that the samples load most, with the combination of
/// contention and small_message_cost that predicts best what was left out.
[[nodiscard]] LinkFit fit_links(const CollectiveModel& model, const std::vector<LinkSample>& samples);

}  // namespace moesim
