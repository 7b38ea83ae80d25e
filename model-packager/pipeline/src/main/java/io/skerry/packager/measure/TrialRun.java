package io.skerry.packager.measure;

import io.skerry.artifact.TensorSpec;
import io.skerry.profile.Engine;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** The program of a trial: an engine and a file. */
public final class TrialRun {
  private TrialRun() {}

  /** Ends with 0 also when the engine refuses the file: whoever asked will hear that, too. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    Engine engine = Engine.parse(arguments[0]).orElseThrow();
    try (LoadedModel model = new Bench().load(engine, Path.of(arguments[1]))) {
      model.run(model.signature().inputs().stream().map(TrialRun::zeros).toList());
    } catch (EngineException e) {
      System.out.println(e.getMessage());
    }
    System.exit(0);
  }

  private static Tensor zeros(TensorSpec input) {
    List<Long> shape = input.shape().stream().map(size -> size < 0 ? 1L : size).toList();
    long elements = shape.stream().reduce(1L, Math::multiplyExact);
    ByteBuffer data =
        ByteBuffer.allocateDirect(
            Math.toIntExact(Math.multiplyExact(elements, input.type().bytes())));
    return new Tensor(input.name(), input.type(), shape, data);
  }
}
