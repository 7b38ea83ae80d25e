package io.skerry.control.training;

import io.skerry.protocol.ModelName;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a run shall do.
 *
 * @param challenge what its model must be compared with; null when there is nothing to beat
 */
public record RunPlan(
    ModelName model, String snapshot, int epochs, long seed, @Nullable Challenge challenge) {
  /** Epochs of a run that says nothing. */
  public static final int EPOCHS = 6;

  /** Most epochs of a run. */
  public static final int EPOCHS_MAX = 200;

  /** Cycles that an example must have for the network's convolutions. */
  static final int WINDOW_MIN = 11;

  /**
   * A model to beat on a slice.
   *
   * @param incident what asked for the run
   * @param champion version of the model to beat
   * @param modelFile the champion's ONNX file
   * @param slice name of the snapshot's slice, as in {@code site=b}
   */
  public record Challenge(String incident, long champion, Path modelFile, String slice) {}
}
