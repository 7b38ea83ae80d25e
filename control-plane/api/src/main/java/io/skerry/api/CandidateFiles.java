package io.skerry.api;

import java.util.List;

/**
 * Files for devices to time, of the profiles whose files are still kept.
 *
 * @param files by profile and name
 */
public record CandidateFiles(String model, long version, List<CandidateFile> files) {
  public CandidateFiles {
    files = List.copyOf(files);
  }
}
