package io.skerry.control.rollout;

import io.skerry.api.Page;
import io.skerry.api.RolloutPreview;
import io.skerry.control.drift.Monitoring;
import io.skerry.control.rollout.RolloutOrder.Part;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.gate.Metric;
import io.skerry.fleet.gate.Outlook;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.StageMembership.Candidate;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ProfileId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What a wish would do, in the words of the API. */
final class Previews {
  // Of the digest of who is where, as far as a page token holds it.
  private static final int DIGEST = 16;
  private static final Pattern TOKEN = Pattern.compile("([0-9a-f]{16})-(\\d{1,9})");

  private Previews() {}

  private record Traffic(double predictionsPerMinute, double outcomesPerMinute) {}

  // What a part is likely to do; its gates are told with its slot, if it is one of several.
  private record Expected(String prefix, Traffic traffic, OptionalDouble promise, boolean amount) {}

  // Devices by profile: of the stages so far, of the one that opens, and of all.
  private record Reach(Map<String, Long> touched, Map<String, Long> here, Map<String, Long> all) {
    // Then its devices are judged by themselves, too.
    boolean isLater() {
      return !here.isEmpty() && !here.equals(touched);
    }

    long untouched(String profile) {
      return all.getOrDefault(profile, 0L) - touched.getOrDefault(profile, 0L);
    }
  }

  static RolloutPreview of(
      Transaction transaction,
      RolloutWish wish,
      Candidates candidates,
      List<RolloutTables.Stored> superseded,
      Monitoring monitoring) {
    RolloutPlan plan = wish.plan();
    List<List<Candidate>> steps = candidates.membership().stages();
    List<Expected> expected =
        wish.parts().stream()
            .map(
                part ->
                    new Expected(
                        wish.parts().size() > 1 ? part.slot() + "/" : "",
                        traffic(transaction, part),
                        Arms.promise(transaction, part.version()),
                        saysAmount(candidates, part, monitoring)))
            .toList();
    List<RolloutPreview.Stage> stages = new ArrayList<>();
    Map<String, Long> all = byProfile(steps.stream().flatMap(List::stream).toList());
    Map<String, Long> touched = new TreeMap<>();
    for (int stage = 0; stage < steps.size(); stage++) {
      List<Candidate> members = steps.get(stage);
      Map<String, Long> here = byProfile(members);
      here.forEach((profile, devices) -> touched.merge(profile, devices, Long::sum));
      boolean asLarge = members.size() >= steps.getFirst().size();
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
              stage < plan.stages().size()
                  ? sights(wish, expected, new Reach(touched, here, all), asLarge)
                  : List.of()));
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
        stages,
        superseded.stream()
            .map(
                other ->
                    new RolloutPreview.Superseded(
                        other.id().value(),
                        other.order().first().version().toString(),
                        other.state().phase().code()))
            .toList());
  }

  /**
   * A page of all devices.
   *
   * @param digest of who is where: a page after another one is of the same
   */
  static Page<RolloutPreview.Place> page(
      Candidates candidates, String digest, String pageToken, int pageSize) {
    String seen = digest.substring(0, DIGEST);
    int from = 0;
    if (!pageToken.isEmpty()) {
      Matcher token = TOKEN.matcher(pageToken);
      if (!token.matches()) {
        throw ProblemException.ofField(
            ErrorCode.REQUEST_INVALID,
            "pageToken",
            "'%.40s' is no nextPageToken of a preview".formatted(pageToken));
      }
      if (!token.group(1).equals(seen)) {
        throw ProblemException.ofField(
            ErrorCode.CHANGED_MEANWHILE,
            "pageToken",
            "who would get it has changed since the first page: begin again without a token");
      }
      from = Integer.parseInt(token.group(2));
    }
    List<RolloutPreview.Place> all = places(candidates);
    int begin = Math.min(from, all.size());
    int end = Math.min(all.size(), begin + Math.clamp(pageSize, 1, RolloutPreview.PLACES_MAX));
    return new Page<>(all.subList(begin, end), end < all.size() ? seen + "-" + end : null);
  }

  private static List<RolloutPreview.Place> places(Candidates candidates) {
    List<RolloutPreview.Place> all = new ArrayList<>();
    List<List<Candidate>> steps = candidates.membership().stages();
    for (int stage = 0; stage < steps.size(); stage++) {
      for (Candidate member : steps.get(stage)) {
        all.add(
            new RolloutPreview.Place(
                member.device().value(), stage, member.profile().value(), null));
      }
    }
    candidates.notEligible().entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(
            one -> all.add(new RolloutPreview.Place(one.getKey(), null, null, one.getValue())));
    return all;
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

  private static boolean saysAmount(Candidates candidates, Part part, Monitoring monitoring) {
    return candidates.variants().getOrDefault(part, Map.of()).values().stream()
        .anyMatch(
            variant -> monitoring.amountRange(variant.variant().manifest().toString()).isPresent());
  }

  private static List<RolloutPreview.Sight> sights(
      RolloutWish wish, List<Expected> expected, Reach reach, boolean asLarge) {
    GateSettings gates = wish.plan().judgedGates();
    int stages = wish.plan().stages().size();
    List<RolloutPreview.Sight> sights = new ArrayList<>();
    for (Expected part : expected) {
      gates
          .outlook(
              sizes(wish, part.traffic(), reach, reach.touched()),
              part.promise(),
              stages,
              expected.size())
          .forEach((scope, seen) -> sights.addAll(told(part, scope, seen)));
      if (reach.isLater()) {
        gates
            .outlookAlone(
                sizes(wish, part.traffic(), reach, reach.here()),
                part.promise(),
                stages,
                expected.size(),
                asLarge)
            .forEach((scope, seen) -> sights.addAll(told(part, scope, seen)));
      }
    }
    return sights;
  }

  private static List<RolloutPreview.Sight> told(Expected part, String scope, List<Outlook> seen) {
    return seen.stream()
        .filter(one -> isJudged(part, one))
        .map(
            one ->
                new RolloutPreview.Sight(
                    one.gate(),
                    part.prefix() + scope,
                    one.excludes(),
                    one.shows(),
                    one.enough(),
                    one.text()))
        .toList();
  }

  // An amount is off by so much, and anything else is right or wrong.
  private static boolean isJudged(Expected part, Outlook one) {
    return Metric.ofWireName(one.gate())
        .filter(Metric::isOfOutcomes)
        .filter(metric -> (metric == Metric.ERROR) != part.amount())
        .isEmpty();
  }

  // On trial a device is its own control.
  private static Map<ProfileId, Outlook.Size> sizes(
      RolloutWish wish, Traffic traffic, Reach reach, Map<String, Long> judged) {
    double minutes = wish.plan().deadlines().stage().toMillis() / 60_000.0;
    Map<ProfileId, Outlook.Size> sizes = new HashMap<>();
    judged.forEach(
        (profile, devices) ->
            sizes.put(
                new ProfileId(profile),
                new Outlook.Size(
                    devices,
                    wish.plan().kind().isTrial() ? devices : reach.untouched(profile),
                    traffic.predictionsPerMinute() * minutes,
                    traffic.outcomesPerMinute() * minutes,
                    minutes * 60_000 / wish.window().toMillis())));
    return sizes;
  }

  // What a device of the slot did lately; a slot that never ran promises no data.
  private static Traffic traffic(Transaction transaction, Part part) {
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
