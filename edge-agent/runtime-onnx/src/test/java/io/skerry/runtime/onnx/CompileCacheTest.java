package io.skerry.runtime.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.PATH;

import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.StringStringEntryProto;
import io.skerry.wire.onnx.TensorProto;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompileCacheTest {
  @TempDir Path folder;

  private Path of(String model, String runtime, String provider, String... parts)
      throws IOException {
    ModelProto named = ModelProto.newBuilder().setProducerName(model).build();
    return of(named, runtime, provider, parts);
  }

  private Path of(ModelProto model, String runtime, String provider, String... parts)
      throws IOException {
    Path file = Files.write(folder.resolve("m.onnx"), model.toByteArray());
    return new CompileCache(folder.resolve("compiled"), file, runtime)
        .folder(provider, List.of(parts))
        .orElseThrow();
  }

  @Test
  void isTheSameForTheSameModelAndAnotherForEveryOther() throws Exception {
    Path first = of("model", "1.28.0", "tensorrt");

    assertThat(of("model", "1.28.0", "tensorrt")).isEqualTo(first).isDirectory();
    assertThat(of("model 2", "1.28.0", "tensorrt")).isNotEqualTo(first);
    assertThat(of("model", "1.29.0", "tensorrt")).isNotEqualTo(first);
    assertThat(of("model", "1.28.0", "qnn")).isNotEqualTo(first);
    assertThat(of("model", "1.28.0", "tensorrt", "another card")).isNotEqualTo(first);
  }

  @Test
  void isAnotherForOtherWeightsBesideTheSameModel() throws Exception {
    ModelProto model =
        ModelProto.newBuilder()
            .setGraph(
                GraphProto.newBuilder()
                    .addInitializer(
                        TensorProto.newBuilder()
                            .setName("factor")
                            .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                            .addExternalData(
                                StringStringEntryProto.newBuilder()
                                    .setKey("location")
                                    .setValue("weights.bin"))))
            .build();
    Files.writeString(folder.resolve("weights.bin"), "1234");
    Path first = of(model, "1", "qnn");

    Files.writeString(folder.resolve("weights.bin"), "5678");

    assertThat(of(model, "1", "qnn")).isNotEqualTo(first);
  }

  @Test
  void keepsTheLastUsedOnly() throws Exception {
    for (int i = 0; i < CompileCache.FOLDERS_MAX + 3; i++) {
      Path made = of("model " + i, "1", "tensorrt");
      Files.writeString(made.resolve("engine"), "compiled");
      Files.setLastModifiedTime(made, FileTime.fromMillis(i));
    }

    of("model 0", "1", "tensorrt");

    try (Stream<Path> left = Files.list(folder.resolve("compiled"))) {
      assertThat(left).hasSize(CompileCache.FOLDERS_MAX);
    }
  }

  @Test
  void usesOnlyWhatWasCompiledToItsEnd() throws Exception {
    Path made = of("model", "1", "qnn");
    Path killed = Files.writeString(made.resolve("context.onnx.7.part"), "cut o");

    Path part = CompileCache.part(made);
    Files.writeString(part, "compiled");
    assertThat(CompileCache.compiled(made)).isEmpty();
    assertThat(killed).doesNotExist();
    // Another slot may be compiling the same model.
    Path other = CompileCache.part(made);
    assertThat(other).isNotEqualTo(part).doesNotExist();
    assertThat(part).exists();
    CompileCache.drop(other);

    CompileCache.publish(part);

    assertThat(CompileCache.compiled(made)).get().asInstanceOf(PATH).hasContent("compiled");
    assertThat(part).doesNotExist();
  }

  @Test
  void needsNothingFromAProviderThatCompilesNothing() throws Exception {
    Path made = of("model", "1", "qnn");

    CompileCache.publish(CompileCache.part(made));

    assertThat(CompileCache.compiled(made)).isEmpty();
  }

  @Test
  void forgetsWhatOneProviderCompiledFromTheModel() throws Exception {
    Path bad = Files.writeString(of("model", "1", "qnn").resolve("context.onnx"), "cut o");
    Path good = Files.writeString(of("model", "1", "tensorrt").resolve("engine"), "compiled");

    new CompileCache(folder.resolve("compiled"), folder.resolve("m.onnx"), "1")
        .forget(List.of("qnn", "cpu"));

    assertThat(bad).doesNotExist();
    assertThat(good).exists();
  }

  @Test
  void doesWithoutWhereNothingCanBeWritten() throws Exception {
    Path file =
        Files.write(folder.resolve("m.onnx"), ModelProto.getDefaultInstance().toByteArray());

    assertThat(new CompileCache(file, file, "1").folder("tensorrt", List.of())).isEmpty();
  }
}
