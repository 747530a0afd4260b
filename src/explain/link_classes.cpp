#include "explain/link_classes.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <utility>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

/// "host3/nic1->switch" becomes "host*/nic*->switch".
std::string without_numbers(const std::string& name) {
  std::string make;
  for (const char letter : name) {
    const bool digit = std::isdigit(static_cast<unsigned char>(letter)) != 0;
    if (!digit) {
      make += letter;
    } else if (make.empty() || make.back() != '*') {
      make += '*';
    }
  }
  return make;
}

}  // namespace

std::vector<LinkClass> link_classes(const Topology& topology, const std::vector<double>& bytes, Seconds step_time) {
  MOESIM_EXPECTS(bytes.empty() || bytes.size() == topology.links().size());
  std::map<std::pair<std::string, double>, LinkClass> classes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const Link& link = topology.link(LinkId{i});
    LinkClass& one = classes[{without_numbers(link.name), link.capacity.value}];
    const double utilization = Bytes{bytes[i]} / link.capacity / step_time;
    one.kind = link.kind;
    one.capacity = link.capacity;
    ++one.count;
    one.utilization_max = std::max(one.utilization_max, utilization);
    one.utilization_mean += utilization;  // the sum, until all are counted
  }
  std::vector<LinkClass> busy;
  for (auto& [make, one] : classes) {
    if (one.utilization_max <= 0) continue;
    one.name = make.first;
    one.utilization_mean /= static_cast<double>(one.count);
    busy.push_back(std::move(one));
  }
  std::ranges::stable_sort(busy, std::greater<>(), &LinkClass::utilization_max);
  return busy;
}

}  // namespace moesim
