package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.FakeModel;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EngineCatalogTest {
  @TempDir Path folder;

  @Test
  void findsBothEnginesOfThisProgram() {
    EngineCatalog catalog = EngineCatalog.discovered();

    assertThat(catalog.names()).containsExactly("onnxruntime", "tflite");
    assertThat(catalog.usable()).contains("onnxruntime/cpu");
  }

  @Test
  void probesAnEngineOnceAndOnlyWhenAsked() {
    ScriptedEngine engine = new ScriptedEngine(new EngineStatus.Available("1", List.of("cpu")));
    EngineCatalog catalog = new EngineCatalog(List.of(engine));
    assertThat(engine.probes).isZero();

    assertThat(catalog.usable()).containsExactly("scripted/cpu");
    assertThat(catalog.usable()).containsExactly("scripted/cpu");

    assertThat(engine.probes).isEqualTo(1);
  }

  @Test
  void saysWhyAModelCannotBeLoaded() {
    EngineCatalog catalog =
        new EngineCatalog(
            List.of(new ScriptedEngine(new EngineStatus.Unavailable("glibc is too old"))));

    assertThatThrownBy(() -> catalog.load(Path.of("m.scripted"), LoadOptions.DEFAULTS))
        .hasMessage("engine 'scripted' cannot be used here: glibc is too old");
    assertThatThrownBy(() -> catalog.load(Path.of("m.pt"), LoadOptions.DEFAULTS))
        .hasMessage("no engine for 'm.pt': known endings are .scripted");
    assertThatThrownBy(() -> catalog.load("other", Path.of("m"), LoadOptions.DEFAULTS))
        .hasMessage("no engine 'other' in this program: it has [scripted]");
  }

  @Test
  void profilesNothingThatDoesNotFitBesideWhatServes() throws Exception {
    Path model = Files.write(folder.resolve("m.scripted"), new byte[1000]);
    EngineCatalog catalog =
        new EngineCatalog(
            List.of(new ScriptedEngine(new EngineStatus.Available("1", List.of("cpu")))),
            new MemoryRoom(() -> OptionalLong.of(MemoryRoom.RESERVE_BYTES + 2000)));

    assertThatThrownBy(() -> catalog.profile("scripted", model, LoadOptions.DEFAULTS, List.of(), 1))
        .isInstanceOfSatisfying(
            EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.OUT_OF_MEMORY));
  }

  @Test
  void refusesAModelWhateverItsLibraryThrows() {
    for (Throwable thrown :
        List.of(
            new OutOfMemoryError("Physical memory usage is too high"),
            new StackOverflowError(),
            new UnsatisfiedLinkError("no such symbol"),
            new IllegalStateException("broken"))) {
      ScriptedEngine engine = new ScriptedEngine(new EngineStatus.Available("1", List.of("cpu")));
      engine.thrown = Optional.of(thrown);

      assertThatThrownBy(
              () ->
                  new EngineCatalog(List.of(engine))
                      .load(folder.resolve("m.scripted"), LoadOptions.DEFAULTS))
          .isInstanceOfSatisfying(
              EngineException.class,
              e ->
                  assertThat(e.reason())
                      .isEqualTo(
                          thrown instanceof OutOfMemoryError
                              ? Reason.OUT_OF_MEMORY
                              : Reason.MODEL_INVALID))
          .hasMessageContaining("engine 'scripted' cannot load m.scripted: " + thrown);
    }
  }

  private static final class ScriptedEngine implements InferenceEngine {
    private final EngineStatus status;
    private int probes;
    private Optional<Throwable> thrown = Optional.empty();

    ScriptedEngine(EngineStatus status) {
      this.status = status;
    }

    @Override
    public String name() {
      return "scripted";
    }

    @Override
    public String fileExtension() {
      return ".scripted";
    }

    @Override
    public EngineStatus probe() {
      probes++;
      return status;
    }

    @Override
    public LoadedModel load(Path model, LoadOptions options) {
      if (thrown.isPresent()) {
        ScriptedEngine.<RuntimeException>sneak(thrown.get());
      }
      return FakeModel.answering();
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <T extends Throwable> void sneak(Throwable thrown) throws T {
      throw (T) thrown;
    }
  }
}
