package io.skerry.profile;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * All profiles: those that come with Skerry, and a folder's. One of a built-in id has to say {@code
 * replaces-built-in: true}, so that none is hidden by mistake.
 */
public final class ProfileCatalog {
  /** Files that a folder may have. */
  public static final int FILES_MAX = 256;

  private static final List<String> BUILT_IN =
      List.of(
          "arm64-dotprod",
          "arm64-neon",
          "intel-openvino",
          "nvidia-cuda",
          "nvidia-tensorrt",
          "qualcomm-qnn",
          "x86-64-avx2",
          "x86-64-vnni");

  private record Entry(HardwareProfile profile, String yaml) {}

  private final Map<String, Entry> entries;

  private ProfileCatalog(Map<String, Entry> entries) {
    this.entries = entries;
  }

  /** The profiles that come with Skerry. */
  public static ProfileCatalog builtIn() {
    return new ProfileCatalog(builtInEntries());
  }

  /** The profiles that come with Skerry, and those of a folder, if there is one. */
  public static ProfileCatalog load(Optional<Path> folder) throws IOException {
    return folder.isPresent() ? load(folder.get()) : builtIn();
  }

  /**
   * The profiles that come with Skerry, and those of all {@code *.yaml} files in a folder.
   *
   * @throws ProfileException if files have mistakes; it tells all mistakes of all files
   * @throws IOException if the folder cannot be read; its message says which and why
   */
  public static ProfileCatalog load(Path folder) throws IOException {
    Map<String, Entry> builtIn = builtInEntries();
    Map<String, Entry> entries = new TreeMap<>(builtIn);
    List<String> mistakes = new ArrayList<>();
    for (Path file : yamlFiles(folder)) {
      String name = file.getFileName().toString();
      try {
        if (Files.size(file) > ProfileParser.BYTES_MAX) {
          throw ProfileParser.tooLarge(name);
        }
        String yaml = Files.readString(file);
        boolean same = builtIn.values().stream().anyMatch(entry -> entry.yaml().equals(yaml));
        HardwareProfile profile =
            ProfileParser.parse(name, yaml, same ? Set.of() : builtIn.keySet());
        if (!name.equals(profile.id() + ".yaml")) {
          mistakes.add(
              "%s: holds profile '%s': name the file after it".formatted(name, profile.id()));
        }
        entries.put(profile.id(), new Entry(profile, yaml));
      } catch (ProfileException e) {
        mistakes.addAll(e.mistakes());
      } catch (CharacterCodingException e) {
        mistakes.add(name + ": is no UTF-8 text");
      }
    }
    if (!mistakes.isEmpty()) {
      throw ProfileException.in(folder, mistakes);
    }
    return new ProfileCatalog(entries);
  }

  private static List<Path> yamlFiles(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new IOException("there is no folder of profiles at '%s'".formatted(folder));
    }
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> yaml =
          files
              .filter(file -> file.getFileName().toString().endsWith(".yaml"))
              .sorted()
              .limit(FILES_MAX + 1L)
              .toList();
      if (yaml.size() > FILES_MAX) {
        throw ProfileException.in(
            folder, List.of("there are more than %d profile files".formatted(FILES_MAX)));
      }
      return yaml;
    }
  }

  private static Map<String, Entry> builtInEntries() {
    Map<String, Entry> entries = new TreeMap<>();
    for (String id : BUILT_IN) {
      String name = id + ".yaml";
      try (InputStream stream = ProfileCatalog.class.getResourceAsStream("profiles/" + name)) {
        if (stream == null) {
          throw new IllegalStateException("built without its profile " + name);
        }
        String yaml = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        entries.put(id, new Entry(HardwareProfile.parse(name, yaml), yaml));
      } catch (IOException e) {
        throw new UncheckedIOException("profile " + name, e);
      }
    }
    return entries;
  }

  /** All profiles, by id. */
  public List<HardwareProfile> profiles() {
    return entries.values().stream().map(Entry::profile).toList();
  }

  /** The profile of this id. */
  public Optional<HardwareProfile> profile(String id) {
    return Optional.ofNullable(entries.get(id)).map(Entry::profile);
  }

  /** The text that the profile of this id was read from, to hand it on as it is. */
  public Optional<String> yaml(String id) {
    return Optional.ofNullable(entries.get(id)).map(Entry::yaml);
  }

  /**
   * The most specific profile that a machine of these facts is of: the highest priority, then the
   * first id.
   */
  public Optional<HardwareProfile> bestMatch(HardwareFacts facts) {
    return bestMatch(facts, profile -> true);
  }

  /** The same, of those profiles that are wanted. */
  public Optional<HardwareProfile> bestMatch(
      HardwareFacts facts, Predicate<HardwareProfile> wanted) {
    return profiles().stream()
        .filter(profile -> wanted.test(profile) && profile.matches(facts))
        .min(
            Comparator.comparingInt((HardwareProfile profile) -> -profile.recognition().priority())
                .thenComparing(HardwareProfile::id));
  }
}
