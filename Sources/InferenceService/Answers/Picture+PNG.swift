import SIREN
import WeightFormats

extension Picture {
    /// The picture as a PNG file, grey or in colour.
    package func png() throws(FormatError) -> [UInt8] {
        try PNGWriter.write(bytes8, width: width, height: height, color: channels == 3 ? .rgb : .gray)
    }
}
