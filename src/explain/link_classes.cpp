#include "explain/link_classes.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
std::vector<LinkClass> link_classes(const Topology& topology, const std::vector<double>& bytes, Seconds step_time) {
  MOESIM_EXPECTS(bytes.empty() || bytes.size() == topology.links().size());
  std::map<std::pair<std::string, double>, LinkClass> classes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const Link& link = topology.link(LinkId{i});
    LinkClass& one = classes[{make_of_name(link.name), link.capacity.value}];
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
