package io.skerry.packager.measure;

/** Corners of a box. */
record Corners(double left, double top, double right, double bottom) {
  /** Intersection over union with another one, 0 to 1. */
  double overlap(Corners other) {
    double width = Math.min(right, other.right) - Math.max(left, other.left);
    double height = Math.min(bottom, other.bottom) - Math.max(top, other.top);
    double shared = Math.max(0, width) * Math.max(0, height);
    double all = area() + other.area() - shared;
    return all <= 0 ? 0 : shared / all;
  }

  private double area() {
    return (right - left) * (bottom - top);
  }
}
