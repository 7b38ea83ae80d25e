package io.skerry.control.packaging;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import io.skerry.api.Judging;
import io.skerry.api.VariantQuality;
import io.skerry.artifact.job.JobFailure;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How variants are judged: checks what users ask for, and keeps it with what they brought. */
final class Judgings {
  private static final String FILE = "judging.json";
  private static final int OUTPUT_MAX = 1_000;

  private Judgings() {}

  /**
   * What was asked for, when it can be.
   *
   * @param asked absent for {@link Judging#BY_DATA}
   * @throws ProblemException with one line that says what is wrong
   */
  static Judging checked(@Nullable Judging asked) {
    if (asked == null) {
      return Judging.BY_DATA;
    }
    String output = asked.scoreOutput();
    Double maxDrop = asked.maxDrop();
    oneOf("metric", asked.metric(), Judging.METRICS);
    oneOf("boxes", asked.boxes(), Judging.BOXES);
    boolean comparesBoxes =
        asked.metric() == null
            || asked.metric().equals(Judging.OF_BOXES)
            || asked.metric().equals(VariantQuality.AGREEMENT);
    if (asked.boxes() != null && !comparesBoxes) {
      throw invalid(
          "boxes are read by the metrics %s and %s alone: ask for one of them, or say nothing of boxes"
              .formatted(Judging.OF_BOXES, VariantQuality.AGREEMENT));
    }
    if (output != null && (output.isBlank() || output.length() > OUTPUT_MAX)) {
      throw invalid(
          "scoreOutput has %d characters: name an output with 1 to %d"
              .formatted(output.length(), OUTPUT_MAX));
    }
    if (maxDrop != null && !(maxDrop >= 0 && maxDrop <= Judging.MAX_DROP_MAX)) {
      throw invalid(
          "maxDrop is %s: give 0 to %s, such as .005 for half a point"
              .formatted(maxDrop, Judging.MAX_DROP_MAX));
    }
    return asked;
  }

  /** Whether labels are needed. */
  static boolean needsLabels(Judging judging) {
    return judging.metric() != null && !judging.metric().equals(VariantQuality.AGREEMENT);
  }

  /** Keeps it with the data of an import. */
  static void keep(Judging judging, Path folder) throws IOException {
    if (!judging.equals(Judging.BY_DATA)) {
      Files.writeString(folder.resolve(FILE), new Gson().toJson(judging));
    }
  }

  /**
   * What was kept with the data of an import.
   *
   * @throws JobFailure if the file is none
   */
  static Judging kept(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    if (!Files.exists(file)) {
      return Judging.BY_DATA;
    }
    try {
      return checked(new Gson().fromJson(Files.readString(file), Judging.class));
    } catch (JsonParseException | ProblemException e) {
      throw new JobFailure(
          ErrorCode.PACKAGING_FAILED,
          "%s is damaged (%s): say how variants are judged when you create them"
              .formatted(file, e.getMessage()),
          e);
    }
  }

  /** Says it in a packaging job, in place of what that says. */
  static void say(Judging judging, Map<String, Object> job) {
    put(job, "metric", judging.metric());
    put(job, "boxes", judging.boxes());
    put(job, "scoreOutput", judging.scoreOutput());
    put(job, "maxDrop", judging.maxDrop());
  }

  private static void put(Map<String, Object> job, String key, @Nullable Object value) {
    if (value != null) {
      job.put(key, value);
    }
  }

  private static void oneOf(String field, @Nullable String asked, List<String> known) {
    if (asked != null && !known.contains(asked)) {
      throw invalid("%s '%s' is none of %s".formatted(field, asked, String.join(", ", known)));
    }
  }

  private static ProblemException invalid(String detail) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, detail);
  }
}
