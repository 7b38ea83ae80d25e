package io.skerry.control.packaging;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.Judging;
import io.skerry.api.Packaging;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.control.audit.Actor;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.ServerReady;
import io.skerry.control.registry.Registry;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes in a model that a user brings, with the data to calibrate it on. */
@Singleton
final class ModelImport {
  private static final Logger log = LoggerFactory.getLogger(ModelImport.class);
  private static final String FOLDER = "imports";

  static final long FILE_BYTES_MAX = 256L << 20;
  private static final long CALIBRATION_BYTES_MAX = 4 * FILE_BYTES_MAX;
  private static final int ENTRIES_MAX = 64;
  private static final String CALIBRATION = "calibration.npy";
  private static final String EVALUATION = "evaluation_x.npy";
  private static final String LABELS = "evaluation_y.npy";

  /** The packager's own minimum, told before a version is registered that cannot be packaged. */
  private static final int SHARED_ITEMS_MIN = 20;

  private final Registry registry;
  private final PackagingService packaging;
  private final Path imports;
  private final Instant begun = Instant.now();

  ModelImport(Registry registry, PackagingService packaging, DataFolder data) {
    this.registry = registry;
    this.packaging = packaging;
    this.imports = data.child(FOLDER);
  }

  /** A file as it was sent. */
  record Upload(String name, InputStream content) {}

  /**
   * Checks and registers a model and queues its packaging; nothing is kept if a file is wrong.
   *
   * @param model an ONNX or TFLite file, or a ZIP of one and the files of its weights
   * @param calibration one NPY file of inputs, or a ZIP of the arrays that packaging reads
   * @param emulatedItems as {@link PackagingService#start} takes them
   * @param judging how its variants are judged, by every packaging that says nothing else
   * @param inputShape what an ONNX model's input is to be, where the file leaves it open
   * @throws ProblemException with one line that says what is wrong
   */
  Packaging bring(
      Actor actor,
      String name,
      Upload model,
      Upload calibration,
      List<String> profiles,
      int emulatedItems,
      Judging judging,
      Optional<String> inputShape)
      throws IOException {
    ModelName checked = name(name);
    Path folder = Files.createDirectory(imports.resolve(UUID.randomUUID().toString()));
    boolean done = false;
    try {
      Path own = Files.createDirectory(folder.resolve("model"));
      ModelFiles received = ModelFiles.receive(model, own);
      unpack(calibration, folder);
      if (Judgings.needsLabels(judging) && !Files.exists(folder.resolve(LABELS))) {
        throw invalid(
            "metric %s needs labels: bring evaluation_x.npy and %s with the calibration data, or ask for agreement"
                .formatted(judging.metric(), LABELS));
      }
      Judgings.keep(judging, folder);
      InputShapes.keep(inputShape, folder);
      ModelFiles files = received.withWeights(model.name());
      if (inputShape.isPresent() && !files.format().equals("onnx")) {
        throw invalid("a TFLite file has a shape of its own: leave inputShape out");
      }
      // A version that cannot be packaged is of no use to anybody.
      packaging.checkStart(profiles);
      // The registry keeps a copy of what was unpacked.
      DiskRoom.require(imports, bytes(own));
      ModelVersion version =
          registry.add(
              actor, checked, files.format(), files.model(), files.weights(), kept(folder));
      done = true;
      // Its files are kept by their digests.
      delete(own);
      return start(actor, version, profiles, emulatedItems);
    } finally {
      if (!done) {
        delete(folder);
      }
    }
  }

  private Packaging start(
      Actor actor, ModelVersion version, List<String> profiles, int emulatedItems) {
    try {
      return packaging.start(actor, version, profiles, emulatedItems, Judging.BY_DATA);
    } catch (ProblemException e) {
      throw new ProblemException(
          e.code(),
          "model/%s is registered and keeps its calibration data, but %s; then package it with: skerry create variants %s"
              .formatted(version, e.getMessage(), version),
          e);
    }
  }

  /** Removes what imports left that a crash ended before their model was registered. */
  @EventListener
  void onReady(ServerReady ready) {
    sweep();
  }

  void sweep() {
    try (Stream<Path> folders = Files.list(imports)) {
      for (Path folder : folders.toList()) {
        if (Files.getLastModifiedTime(folder).toInstant().isBefore(begun)
            && !registry.isCalibration(kept(folder))) {
          delete(folder);
        }
      }
    } catch (IOException | UncheckedIOException e) {
      log.atWarn().addKeyValue("cause", e.toString()).log("left imports not looked for");
    }
  }

  private static String kept(Path folder) {
    return FOLDER + "/" + folder.getFileName();
  }

  private static ModelName name(String name) {
    try {
      return new ModelName(name);
    } catch (IllegalArgumentException e) {
      throw new ProblemException(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
  }

  private static void unpack(Upload calibration, Path folder) throws IOException {
    if (calibration.name().endsWith(".npy")) {
      copy(calibration.content(), folder.resolve(CALIBRATION), calibration.name());
    } else if (calibration.name().endsWith(".zip")) {
      // By their last names only, and only known ones.
      Archive.unpack(
          calibration,
          folder,
          ENTRIES_MAX,
          CALIBRATION_BYTES_MAX,
          path ->
              Optional.of(path.getFileName())
                  .filter(name -> PackagingInput.ARRAYS.contains(name.toString())));
    } else {
      throw invalid(
          "calibration data '%s' is neither an .npy file of inputs nor a .zip that holds %s"
              .formatted(calibration.name(), CALIBRATION));
    }
    if (!Files.exists(folder.resolve(CALIBRATION))) {
      throw invalid("calibration data '%s' holds no %s".formatted(calibration.name(), CALIBRATION));
    }
    for (String array : PackagingInput.ARRAYS) {
      if (Files.exists(folder.resolve(array))) {
        checkArray(folder.resolve(array));
      }
    }
    boolean evaluation = Files.exists(folder.resolve(EVALUATION));
    if (!evaluation && Files.exists(folder.resolve(LABELS))) {
      throw invalid(
          "calibration data '%s' holds evaluation_y.npy without the evaluation_x.npy that it labels"
              .formatted(calibration.name()));
    }
    int items = items(folder.resolve(CALIBRATION));
    if (!evaluation && items < SHARED_ITEMS_MIN) {
      throw invalid(
          ("calibration data '%s' holds %d items, at least %d are needed: one half calibrates, the"
                  + " other judges")
              .formatted(calibration.name(), items, SHARED_ITEMS_MIN));
    }
  }

  private static int items(Path array) throws IOException {
    int[] shape = NpyArray.read(array).shape();
    return shape.length == 0 ? 0 : shape[0];
  }

  private static void checkArray(Path file) throws IOException {
    if (Files.size(file) > FILE_BYTES_MAX) {
      throw new ProblemException(
          ErrorCode.ARTIFACT_TOO_LARGE,
          "'%s' is larger than %d MiB".formatted(file.getFileName(), FILE_BYTES_MAX >> 20));
    }
    NpyArray array;
    try {
      array = NpyArray.read(file);
    } catch (IOException | IllegalArgumentException e) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          String.valueOf(e.getMessage()).replace(file.toString(), file.getFileName().toString()),
          e);
    }
    String name = file.getFileName().toString();
    if (name.equals(CALIBRATION) || name.equals(EVALUATION)) {
      checkInputs(name, array);
    }
  }

  /** Sees of inputs what the packager would refuse. */
  private static void checkInputs(String name, NpyArray inputs) {
    if (inputs.shape().length == 0) {
      throw invalid("'%s' is one number: give items, along the first dimension".formatted(name));
    }
    int index = inputs.firstNotFinite();
    if (index >= 0) {
      int each = inputs.length() / inputs.shape()[0];
      throw invalid(
          "'%s': element %d of item %d is %s: give every element a number, or leave the item out"
              .formatted(name, index % each, index / each, inputs.floats()[index]));
    }
    if (inputs.isConstant()) {
      Object value =
          inputs.type() == NpyArray.Type.FLOAT32 ? inputs.floats()[0] : "the same number";
      throw invalid("'%s' holds %s everywhere: give real items".formatted(name, value));
    }
  }

  /** Writes a file that was sent. */
  static void copy(InputStream from, Path to, String name) throws IOException {
    try (OutputStream out = DiskRoom.create(to)) {
      copy(from, out, name, FILE_BYTES_MAX, FILE_BYTES_MAX);
    }
  }

  /**
   * Copies what was sent.
   *
   * @param name of what was sent, for people
   * @param left bytes that it may have
   * @param bytesMax bytes that what was sent may have, for people
   * @return its bytes
   */
  static long copy(InputStream from, OutputStream to, String name, long left, long bytesMax)
      throws IOException {
    byte[] buffer = new byte[1 << 16];
    long total = 0;
    for (int read = from.read(buffer); read >= 0; read = from.read(buffer)) {
      total += read;
      if (total > left) {
        throw new ProblemException(
            ErrorCode.ARTIFACT_TOO_LARGE,
            "'%s' is larger than %d MiB".formatted(name, bytesMax >> 20));
      }
      to.write(buffer, 0, read);
    }
    return total;
  }

  private static long bytes(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      long bytes = 0;
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        bytes += Files.size(file);
      }
      return bytes;
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static ProblemException invalid(String detail) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, detail);
  }
}
