package io.skerry.control.overview;

import com.google.gson.Gson;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.gate.GateSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * A rollout file to begin with, as a short form chooses it.
 *
 * @param version as MODEL@VERSION; empty where there is none
 * @param first {@code cohort:NAME} or {@code profile:ID} before the percentages; empty for neither
 * @param percents cumulative; the last one is 100
 * @param approval whether somebody else must approve it
 */
public record RolloutExample(
    String version, String first, List<Integer> percents, boolean approval) {
  private static final List<Integer> PERCENTS = List.of(10, 40, 100);
  private static final int STAGES_MAX = 10;
  private static final Pattern NUMBER = Pattern.compile("\\d{1,3}");

  public RolloutExample {
    percents = List.copyOf(percents);
  }

  /** What a form says; what it does not say, or says of nothing that there is, is as usual. */
  static RolloutExample chosen(
      Map<String, String> form, List<NewRollout.Choice> versions, List<NewRollout.Choice> firsts) {
    List<Integer> percents =
        NUMBER
            .matcher(form.getOrDefault("percents", ""))
            .results()
            .map(MatchResult::group)
            .map(Integer::valueOf)
            .limit(STAGES_MAX)
            .toList();
    return new RolloutExample(
        known(form.getOrDefault("version", ""), versions),
        known(form.getOrDefault("first", ""), firsts),
        percents.isEmpty() ? PERCENTS : percents,
        // A form that was not sent yet has no version.
        !form.containsKey("version") || form.containsKey("approval"));
  }

  private static String known(String asked, List<NewRollout.Choice> choices) {
    return choices.stream()
        .map(NewRollout.Choice::value)
        .filter(asked::equals)
        .findFirst()
        .orElse(choices.isEmpty() ? "" : choices.getFirst().value());
  }

  /** The percentages as the form shows them. */
  public String percentText() {
    return String.join(", ", percents.stream().map(String::valueOf).toList());
  }

  /** The file. */
  String text() {
    int at = version.lastIndexOf('@');
    List<String> lines = new ArrayList<>();
    lines.add("model: " + quoted(version.substring(0, at)));
    lines.add("version: " + version.substring(at + 1));
    lines.add("# Somebody else than the author must approve it.");
    lines.add("approval: " + approval);
    lines.add("# Devices kept on the old version as controls until every stage has passed.");
    lines.add("holdback: 0");
    lines.add("# Whether devices that enrol or fit later join, too.");
    lines.add("dynamic: false");
    lines.add("# Counting windows that each stage is watched, and their length.");
    lines.add("soakWindows: 2");
    lines.add("windowMillis: 60000");
    lines.add("# Percentages are cumulative, and the last one is 100.");
    lines.add("stages:");
    if (!first.isEmpty()) {
      String[] parts = first.split(":", 2);
      lines.add("  - {%s: %s, pauseAfter: true}".formatted(parts[0], quoted(parts[1])));
    }
    percents.forEach(percent -> lines.add("  - {percent: %d}".formatted(percent)));
    lines.add("# The gates as they are when nothing is said; what you leave out stays as it is.");
    lines.add("onFailedDevices: " + GateSettings.DEFAULTS.failures().action());
    lines.add("gates:");
    GateSettings.DEFAULTS.metrics().forEach(spec -> lines.add("  - " + gate(spec)));
    return String.join("\n", lines) + "\n";
  }

  private static String gate(GateSpec spec) {
    return "{metric: %s, tolerance: %s, limit: %s, promote: %s, action: %s, trialsMin: %d}"
        .formatted(
            spec.metric().wireName(),
            spec.tolerance(),
            spec.limit(),
            spec.promote(),
            spec.action(),
            spec.trialsMin());
  }

  // A name such as "1e3" or "null" is something else in YAML.
  private static String quoted(String name) {
    try {
      Object read = new Load(LoadSettings.builder().build()).loadFromString(name);
      return name.equals(read) ? name : new Gson().toJson(name);
    } catch (YamlEngineException e) {
      return new Gson().toJson(name);
    }
  }
}
