package io.skerry.telemetry.sketch;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.signal.Scalar;
import io.skerry.telemetry.signal.StatedSignal;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import io.skerry.wire.artifact.v1.Budget;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.PrivacyRule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a person says about watching a model, as a tree of maps and lists that a YAML or JSON
 * document was read into:
 *
 * <pre>
 * features:                       # absent: the caller's choice
 *   - {name: speed, offset: 3, categorical: false, missingValue: -1, importance: 2}
 * privacy:                        # in the order in which they act
 *   - {field: client-id, action: hash}
 *   - {field: speed, action: round, step: 0.5}
 *   - {field: "input:image", action: blur, radius: 4}
 * budget:                         # a device's, in a UTC day; absent or 0: no limit
 *   {windowBytesPerDay: 80000, outcomeBytesPerDay: 200000, sampleBytesPerDay: 1000000}
 * unit: gateway                   # devices of one value share what disturbs them; absent: none do
 * signal:                         # what the first input is as a whole; absent: elements only
 *   {kind: image, layout: NHWC, black: 0, white: 255}
 * </pre>
 *
 * @param features in their order; empty when nothing was said of them
 * @param privacy what acts before anything leaves the device
 * @param budget what a device may send in a day
 * @param unit device attribute whose values have one say each when drift is judged; empty when each
 *     device has
 * @param signal what the first input is as a whole
 */
public record MonitoringSettings(
    List<Feature> features,
    List<PrivacyRule> privacy,
    Budget budget,
    String unit,
    Optional<StatedSignal> signal) {
  /** Nothing was said. */
  public static final MonitoringSettings NONE =
      new MonitoringSettings(
          List.of(), List.of(), Budget.getDefaultInstance(), "", Optional.empty());

  /** Rules that one manifest may have. */
  public static final int RULES_MAX = 256;

  private static final int RADIUS_MAX = 256;
  private static final long DAY_BYTES_MAX = 1L << 40;

  public MonitoringSettings {
    features = List.copyOf(features);
    privacy = List.copyOf(privacy);
  }

  /** Settings under which each device has its own say. */
  public MonitoringSettings(List<Feature> features, List<PrivacyRule> privacy, Budget budget) {
    this(features, privacy, budget, "", Optional.empty());
  }

  /** These settings with other features. */
  public MonitoringSettings withFeatures(List<Feature> others) {
    return new MonitoringSettings(others, privacy, budget, unit, signal);
  }

  /**
   * Reads a tree.
   *
   * @throws MalformedDocumentException with every mistake, each with its field and what to do
   */
  public static MonitoringSettings of(Map<?, ?> tree) throws MalformedDocumentException {
    Reader reader = new Reader();
    Reader.Fields root =
        reader.fields("", tree, Set.of("features", "privacy", "budget", "unit", "signal"));
    List<Feature> features = new ArrayList<>();
    for (Reader.Fields feature :
        root.list(
            "features",
            Set.of("name", "offset", "categorical", "missingValue", "importance"),
            MonitoringPlan.FEATURES_MAX)) {
      features.add(feature(feature));
    }
    Set<String> names = new HashSet<>();
    Map<Integer, String> byOffset = new HashMap<>();
    for (int i = 0; i < features.size(); i++) {
      String name = features.get(i).name();
      if (name.startsWith("$") || name.contains(":") || name.equals(PrivacyRules.CLIENT_ID)) {
        reader.mistake(
            "features[%d].name".formatted(i),
            "'%s' is taken: use a name without ':' that does not begin with '$'".formatted(name));
      } else if (!name.isEmpty() && !names.add(name)) {
        reader.mistake(
            "features[%d].name".formatted(i), "'%s' comes twice: rename one".formatted(name));
      }
      // A rule hides what it names; another name of the same element would tell it all the same.
      int offset = features.get(i).offset();
      String other = byOffset.putIfAbsent(offset, name);
      if (offset >= 0 && other != null) {
        reader.mistake(
            "features[%d].offset".formatted(i),
            "%d of '%s' is that of '%s' too: watch each element once"
                .formatted(offset, name, other));
      }
    }
    List<PrivacyRule> privacy = new ArrayList<>();
    for (Reader.Fields rule :
        root.list("privacy", Set.of("field", "action", "step", "radius"), RULES_MAX)) {
      privacy.add(rule(rule));
    }
    Reader.Fields budget =
        root.group(
            "budget", Set.of("windowBytesPerDay", "outcomeBytesPerDay", "sampleBytesPerDay"));
    Budget daily =
        Budget.newBuilder()
            .setWindowBytes(budget.whole("windowBytesPerDay", 0L, 0, DAY_BYTES_MAX))
            .setOutcomeBytes(budget.whole("outcomeBytesPerDay", 0L, 0, DAY_BYTES_MAX))
            .setSampleBytes(budget.whole("sampleBytesPerDay", 0L, 0, DAY_BYTES_MAX))
            .build();
    String unit = root.has("unit") ? root.text("unit") : "";
    Optional<StatedSignal> signal =
        root.has("signal")
            ? Optional.of(
                signal(
                    root.group("signal", Set.of("kind", "layout", "black", "white", "fullScale"))))
            : Optional.empty();
    for (Scalar scalar : signal.isPresent() ? Scalar.values() : new Scalar[0]) {
      if (names.contains(scalar.feature())) {
        reader.mistake(
            "features", "'%s' is a scalar of the signal: rename it".formatted(scalar.feature()));
      }
    }
    reader.end();
    return new MonitoringSettings(features, privacy, daily, unit, signal);
  }

  private static Feature feature(Reader.Fields fields) {
    return new Feature(
        fields.text("name"),
        (int) fields.whole("offset", null, 0, Integer.MAX_VALUE),
        fields.flag("categorical"),
        fields.number("missingValue"),
        fields.number("importance").orElse(0));
  }

  private static StatedSignal signal(Reader.Fields fields) {
    String named = fields.text("kind");
    Optional<StatedSignal.Kind> kind =
        Arrays.stream(StatedSignal.Kind.values()).filter(k -> k.text().equals(named)).findFirst();
    if (kind.isEmpty() && !named.isEmpty()) {
      fields.mistake(
          "kind", "'%s' is unknown: use image, waveform or spectrogram".formatted(named));
    }
    StatedSignal.Kind known = kind.orElse(StatedSignal.Kind.IMAGE);
    Optional<String> layout =
        fields.has("layout") ? Optional.of(fields.text("layout")) : Optional.empty();
    layout
        .filter(text -> kind.isPresent() && !text.isEmpty() && !known.layouts().contains(text))
        .ifPresent(
            text ->
                fields.mistake(
                    "layout",
                    "'%s' is none of %s: use %s"
                        .formatted(text, known.text(), String.join(" or ", known.layouts()))));
    OptionalDouble fullScale = fields.number("fullScale");
    if (fullScale.isPresent() && !(fullScale.getAsDouble() > 0)) {
      fields.mistake("fullScale", "must be above 0: it is the largest amplitude");
    }
    for (String field : List.of("black", "white", "fullScale")) {
      boolean ofImage = !field.equals("fullScale");
      boolean fits = known == (ofImage ? StatedSignal.Kind.IMAGE : StatedSignal.Kind.WAVEFORM);
      if (kind.isPresent() && !fits && fields.has(field)) {
        fields.mistake(
            field, "is of %s only: leave it out".formatted(ofImage ? "an image" : "a waveform"));
      }
    }
    return new StatedSignal(
        known, layout, fields.numbers("black"), fields.numbers("white"), fullScale);
  }

  private static PrivacyRule rule(Reader.Fields fields) {
    PrivacyRule.Builder rule = PrivacyRule.newBuilder().setField(fields.text("field"));
    String action = fields.text("action");
    switch (action) {
      case "" -> {}
      case "drop" -> rule.setAction(PrivacyRule.Action.DROP);
      case "hash" -> rule.setAction(PrivacyRule.Action.HASH);
      case "round" -> {
        double step = fields.number("step").orElse(0);
        if (!(step > 0)) {
          fields.mistake("step", "must be above 0: 'round' goes to its nearest multiple");
        }
        rule.setAction(PrivacyRule.Action.ROUND).setStep(step);
      }
      case "blur" ->
          rule.setAction(PrivacyRule.Action.BLUR)
              .setRadius((int) fields.whole("radius", null, 1, RADIUS_MAX));
      default ->
          fields.mistake(
              "action", "'%s' is unknown: use drop, hash, round or blur".formatted(action));
    }
    boolean tensor = rule.getField().startsWith("input:") || rule.getField().startsWith("output:");
    if (rule.getAction() == PrivacyRule.Action.BLUR && !tensor) {
      fields.mistake("action", "'blur' needs neighbours: use it on input:TENSOR or output:TENSOR");
    }
    if (rule.getAction() == PrivacyRule.Action.ROUND
        && rule.getField().equals(PrivacyRules.CLIENT_ID)) {
      fields.mistake("action", "'round' needs numbers: use drop or hash for client-id");
    }
    return rule.build();
  }

  /**
   * Checks that every rule has something to act on: one that never acts would be noticed by nobody.
   *
   * @param features names of what is monitored
   * @param inputs names of the model's input tensors
   * @param outputs names of its output tensors
   * @throws MalformedDocumentException with every rule that has nothing to act on
   */
  public void checkFields(List<String> features, List<String> inputs, List<String> outputs)
      throws MalformedDocumentException {
    Reader reader = new Reader();
    Set<String> known = new HashSet<>(features);
    known.add(PrivacyRules.CLIENT_ID);
    inputs.forEach(input -> known.add(PrivacyRules.input(input)));
    outputs.forEach(output -> known.add(PrivacyRules.output(output)));
    for (int i = 0; i < privacy.size(); i++) {
      String field = privacy.get(i).getField();
      if (!known.contains(field)) {
        reader.mistake(
            "privacy[%d].field".formatted(i),
            "this model has no '%s': use one of %s"
                .formatted(
                    field,
                    known.stream()
                        .sorted()
                        .limit(20)
                        .collect(java.util.stream.Collectors.joining(", "))));
      }
    }
    reader.end();
  }

  /** A manifest with the rules and the budget. */
  MonitoringManifest.Builder into(MonitoringManifest.Builder manifest) {
    manifest.addAllPrivacy(privacy);
    manifest.setFormat(MonitoringPlan.format(manifest)).setUnit(unit);
    return budget.equals(Budget.getDefaultInstance()) ? manifest : manifest.setBudget(budget);
  }

  PrivacyRules rules() {
    return new PrivacyRules(privacy);
  }

  /** Reads values and gathers what is wrong with them. */
  private static final class Reader {
    private final List<String> mistakes = new ArrayList<>();

    void mistake(String field, String fault) {
      mistakes.add("'%s' %s".formatted(field, fault));
    }

    void end() throws MalformedDocumentException {
      if (!mistakes.isEmpty()) {
        throw new MalformedDocumentException("monitoring: " + String.join("; ", mistakes));
      }
    }

    Fields fields(String at, @Nullable Object value, Set<String> known) {
      if (value == null) {
        return new Fields(at, Map.of());
      }
      if (!(value instanceof Map<?, ?> map)) {
        mistake(at, "is no group of fields: write some of " + String.join(", ", sorted(known)));
        return new Fields(at, Map.of());
      }
      for (Object key : map.keySet()) {
        if (!known.contains(String.valueOf(key))) {
          mistake(
              at.isEmpty() ? String.valueOf(key) : at + "." + key,
              "is unknown: use some of " + String.join(", ", sorted(known)));
        }
      }
      return new Fields(at, map);
    }

    private static List<String> sorted(Set<String> names) {
      return names.stream().sorted().toList();
    }

    /** The fields of one group. */
    private final class Fields {
      private final String at;
      private final Map<?, ?> values;

      Fields(String at, Map<?, ?> values) {
        this.at = at;
        this.values = values;
      }

      private String path(String name) {
        return at.isEmpty() ? name : at + "." + name;
      }

      void mistake(String name, String fault) {
        Reader.this.mistake(path(name), fault);
      }

      Fields group(String name, Set<String> known) {
        return fields(path(name), values.get(name), known);
      }

      List<Fields> list(String name, Set<String> known, int max) {
        Object value = values.get(name);
        if (value == null) {
          return List.of();
        }
        if (!(value instanceof List<?> list)) {
          mistake(name, "is no list: begin each entry with '- '");
          return List.of();
        }
        if (list.size() > max) {
          mistake(name, "has %d entries, at most %d".formatted(list.size(), max));
          return List.of();
        }
        List<Fields> groups = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
          groups.add(fields("%s[%d]".formatted(path(name), i), list.get(i), known));
        }
        return groups;
      }

      boolean has(String name) {
        return values.get(name) != null;
      }

      String text(String name) {
        Object value = values.get(name);
        if (value instanceof String text && !text.isBlank()) {
          return text;
        }
        mistake(name, value == null ? "is missing" : "is no text: '%s'".formatted(value));
        return "";
      }

      boolean flag(String name) {
        Object value = values.get(name);
        if (value != null && !(value instanceof Boolean)) {
          mistake(name, "is neither true nor false: '%s'".formatted(value));
        }
        return Boolean.TRUE.equals(value);
      }

      OptionalDouble number(String name) {
        Object value = values.get(name);
        if (value instanceof Number number && Double.isFinite(number.doubleValue())) {
          return OptionalDouble.of(number.doubleValue());
        }
        if (value != null) {
          mistake(name, "is no number: '%s'".formatted(value));
        }
        return OptionalDouble.empty();
      }

      /** One number or several; none when absent. */
      List<Float> numbers(String name) {
        Object value = values.get(name);
        List<?> list = value == null ? List.of() : value instanceof List<?> l ? l : List.of(value);
        List<Float> numbers = new ArrayList<>();
        for (Object one : list) {
          if (!(one instanceof Number number) || !Float.isFinite(number.floatValue())) {
            mistake(name, "is neither a number nor a list of numbers: '%s'".formatted(value));
            return List.of();
          }
          numbers.add(number.floatValue());
        }
        return numbers;
      }

      long whole(String name, @Nullable Long absent, long least, long most) {
        Object value = values.get(name);
        if (value == null && absent != null) {
          return absent;
        }
        if (value instanceof Number number
            && number.doubleValue() == Math.rint(number.doubleValue())
            && number.doubleValue() >= least
            && number.doubleValue() <= most) {
          return number.longValue();
        }
        mistake(
            name,
            "%s: must be a whole number from %d to %d"
                .formatted(value == null ? "is missing" : "is '%s'".formatted(value), least, most));
        return -1;
      }
    }
  }
}
