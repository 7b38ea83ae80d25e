package io.skerry.control.rollout;

import io.skerry.api.RolloutPreview;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.gate.Outlook;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.StageMembership.Candidate;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.protocol.ProfileId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What a wish would do, in the words of the API. */
final class Previews {
  private Previews() {}

  private record Traffic(double predictionsPerMinute, double outcomesPerMinute) {}

  // What a part is likely to do; its gates are told with its slot, if it is one of several.
  private record Expected(String prefix, Traffic traffic, OptionalDouble promise) {}

  static RolloutPreview of(Transaction transaction, RolloutWish wish, Candidates candidates) {
    RolloutPlan plan = wish.plan();
    List<List<Candidate>> steps = candidates.membership().stages();
    List<Expected> expected =
        wish.parts().stream()
            .map(
                part ->
                    new Expected(
                        wish.parts().size() > 1 ? part.slot() + "/" : "",
                        traffic(transaction, part),
                        Arms.promise(transaction, part.version())))
            .toList();
    List<RolloutPreview.Stage> stages = new ArrayList<>();
    Map<String, Long> all = byProfile(steps.stream().flatMap(List::stream).toList());
    Map<String, Long> touched = new TreeMap<>();
    for (int stage = 0; stage < steps.size(); stage++) {
      List<Candidate> members = steps.get(stage);
      Map<String, Long> here = byProfile(members);
      here.forEach((profile, devices) -> touched.merge(profile, devices, Long::sum));
      stages.add(
          new RolloutPreview.Stage(
              stage,
              plan.steps().get(stage).text(),
              members.size(),
              ints(here),
              members.stream()
                  .limit(RolloutPreview.DEVICES_MAX)
                  .map(member -> member.device().value())
                  .toList(),
              stage < plan.stages().size() ? sights(wish, expected, touched, all) : List.of()));
    }
    int eligible = steps.stream().mapToInt(List::size).sum();
    Map<String, Integer> reasons = new TreeMap<>();
    candidates.notEligible().values().forEach(reason -> reasons.merge(reason, 1, Integer::sum));
    return new RolloutPreview(
        sentence(wish, eligible),
        eligible,
        candidates.notEligible().size(),
        reasons,
        candidates.notEligible().entrySet().stream()
            .sorted(Map.Entry.comparingByKey())
            .limit(RolloutPreview.DEVICES_MAX)
            .map(one -> new RolloutPreview.Outsider(one.getKey(), one.getValue()))
            .toList(),
        stages);
  }

  private static Map<String, Long> byProfile(List<Candidate> members) {
    return members.stream()
        .collect(
            Collectors.groupingBy(
                member -> member.profile().value(), TreeMap::new, Collectors.counting()));
  }

  private static Map<String, Integer> ints(Map<String, Long> counts) {
    Map<String, Integer> ints = new TreeMap<>();
    counts.forEach((name, count) -> ints.put(name, count.intValue()));
    return ints;
  }

  private static List<RolloutPreview.Sight> sights(
      RolloutWish wish, List<Expected> expected, Map<String, Long> touched, Map<String, Long> all) {
    List<RolloutPreview.Sight> sights = new ArrayList<>();
    for (Expected part : expected) {
      wish.plan()
          .judgedGates()
          .outlook(
              sizes(wish, part.traffic(), touched, all),
              part.promise(),
              wish.plan().stages().size(),
              expected.size())
          .forEach(
              (scope, seen) ->
                  seen.forEach(
                      one ->
                          sights.add(
                              new RolloutPreview.Sight(
                                  one.gate(),
                                  part.prefix() + scope,
                                  one.excludes(),
                                  one.shows(),
                                  one.enough(),
                                  one.text()))));
    }
    return sights;
  }

  private static Map<ProfileId, Outlook.Size> sizes(
      RolloutWish wish, Traffic traffic, Map<String, Long> touched, Map<String, Long> all) {
    double minutes = wish.plan().deadlines().stage().toMillis() / 60_000.0;
    Map<ProfileId, Outlook.Size> sizes = new HashMap<>();
    touched.forEach(
        (profile, devices) ->
            sizes.put(
                new ProfileId(profile),
                new Outlook.Size(
                    devices,
                    wish.plan().kind().isTrial()
                        ? devices
                        : all.getOrDefault(profile, 0L) - devices,
                    traffic.predictionsPerMinute() * minutes,
                    traffic.outcomesPerMinute() * minutes,
                    minutes * 60_000 / wish.window().toMillis())));
    return sizes;
  }

  // What a device of the slot did lately; a slot that never ran promises no data.
  private static Traffic traffic(Transaction transaction, RolloutOrder.Part part) {
    String slot = part.slot().value();
    return transaction
        .first(
            """
            select sum(predictions) as predictions,
              sum(extract(epoch from end_at - start_at)) / 60 as minutes
            from (select predictions, start_at, end_at from telemetry_window
              where slot = ? and model = ? order by received_at desc limit 2000) lately
            """,
            row ->
                row.number("minutes") > 0 ? row.number("predictions") / row.number("minutes") : 0.0,
            slot,
            part.version().model().value())
        .map(rate -> new Traffic(rate, rate * outcomes(transaction, slot)))
        .orElse(new Traffic(0, 0));
  }

  private static double outcomes(Transaction transaction, String slot) {
    return transaction
        .first(
            """
            select (select count(*) from telemetry_feedback where slot = ? and joined)
                / nullif((select sum(predictions) from telemetry_window where slot = ?), 0) as share
            """,
            row -> Math.min(1, row.number("share")),
            slot,
            slot)
        .orElse(0.0);
  }

  private static String sentence(RolloutWish wish, int eligible) {
    String what =
        wish.parts().stream()
            .map(part -> "%s to slot %s".formatted(part.version(), part.slot()))
            .collect(Collectors.joining(" with "));
    String how =
        wish.plan().steps().stream().map(StageRule::text).collect(Collectors.joining(", "));
    return "%s %d devices in %d stages: %s"
        .formatted(
            switch (wish.plan().kind().code()) {
              case "AB" -> "A/B trial of " + what + " on";
              case "SHADOW" -> "Shadow trial of " + what + " on";
              default -> "Bring " + what + " of";
            },
            eligible,
            wish.plan().steps().size(),
            how);
  }
}
