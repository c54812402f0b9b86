"""From a posed person in a scene to a camera picture, drawn in software by Panda3D (no display, no GPU).

Panda3D must be used from one thread alone. One off-screen window per picture size is kept for the life of
the process, because Panda3D doesn't give back the memory of a closed one; what a scene took is given back when
the next one comes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.simulation.body import Body
from har_ros.simulation.camera import Camera
from har_ros.simulation.outfit import cloth_uv, dress, joined
from har_ros.simulation.pieces import Piece
from har_ros.simulation.scene import Scene
from har_ros.simulation.shadow import PIXELS, SIZE_M, soft_shadow
from har_ros.simulation.wardrobe import Look

Image = NDArray[np.uint8]
_NEAR_M, _FAR_M = 0.15, 200.0
# What is drawn after what: the floor, then the shadows on it, then all that may hide both, and what one sees through.
# A moving landscape comes late: most of it is hidden, and hidden pixels cost little. A fixed order keeps surfaces
# that touch each other from changing place between frames.
_GROUND, _SHADE, _SHADOW, _PERSON, _THINGS, _LANDSCAPE, _SEE_THROUGH = range(7)
_VERTEX = np.dtype([("place", "<f4", 3), ("colour", "u1", 4)])  # as Panda3D lays it out


class Renderer:
    """Draws one person in one scene, frame after frame, always from the same thread.

    supersample: 1, or 2 to draw at twice the size and shrink (smooth edges).
    Raises HarError where Panda3D or a library it needs is missing.
    """

    def __init__(self, width: int, height: int, supersample: int = 2) -> None:
        self.width, self.height = width, height
        panda = _panda()
        self._engine, self._window, self._texture = _open_window(width * supersample, height * supersample)
        self._lens = panda.PerspectiveLens()
        self._lens.setNearFar(_NEAR_M, _FAR_M)
        self._eye = panda.NodePath(panda.Camera("eye", self._lens))
        self._root = panda.NodePath("nothing")

    def set_scene(self, scene: Scene, body: Body, look: Look) -> None:
        """Choose what the next frames show."""
        panda = _panda()
        self._root.removeNode()
        for states in (panda.RenderState, panda.TransformState):  # else these keep the last scene's textures for good
            states.garbageCollect()
        self._root = panda.NodePath("scene")
        self._eye.reparentTo(self._root)
        self._scene, self._body = scene, body
        self._moving = []
        for piece in scene.pieces:
            node = self._root.attachNewNode(_still_node(piece))
            node.setBin("fixed", _order(piece))
            if piece.see_through:
                node.setTransparency(panda.TransparencyAttrib.MAlpha)
                node.setDepthWrite(False)
            if piece.is_ground or piece.is_shade:  # a rug lies on the floor because it comes after it
                node.setDepthTest(False)
            if piece.period_m:
                self._moving.append((node, piece.period_m))
        layers = dress(body, look)
        self._skin, self._albedo, triangles = joined(layers)
        self._person = _Surface(len(self._albedo), cloth_uv(self._skin))
        for layer, faces in zip(layers, triangles):
            self._person.add(faces, None if layer.texture is None else _load(layer.texture))
        person = self._root.attachNewNode(self._person.node)
        person.setTwoSided(True)
        person.setBin("fixed", _PERSON)
        self._shadow = _Shadow()
        if any(piece.is_ground for piece in scene.pieces):
            self._shadow.node.reparentTo(self._root)

    def frame(
        self, position_m: NDArray[np.float64], rotation: NDArray[np.float64], eyes_closed: float,
        camera: Camera, t_s: float,
    ) -> Image:
        """Return the picture (H, W, 3) uint8 BGR of segments at position_m (14, 3), turned by rotation (14, 3, 3).

        eyes_closed 0 to 1; t_s moves the landscape outside a car.
        """
        vertices, normals = self._skin.pose(self._body.rig.transforms(position_m, rotation), eyes_closed)
        shade = np.clip(self._albedo * self._scene.light.shade(normals) * np.float32(255), 0, 255)
        self._person.write(vertices, shade.astype(np.uint8))
        self._shadow.lay(*soft_shadow(vertices, self._scene.light))
        for node, period_m in self._moving:
            node.setX(-(self._scene.speed_mps * t_s % period_m))
        return self._shoot(camera)

    def _shoot(self, camera: Camera) -> Image:
        wide = 2 * np.degrees(np.arctan(np.tan(np.radians(camera.fov_deg) / 2) * camera.width / camera.height))
        self._lens.setFov(float(wide), camera.fov_deg)
        self._eye.setPos(*camera.position_m)
        self._eye.lookAt(*camera.look_at_m)
        self._eye.setR(camera.roll_deg)
        region = self._window.getDisplayRegion(self._window.getNumDisplayRegions() - 1)
        region.setCamera(self._eye)
        self._window.setClearColor((*self._scene.sky, 1))
        self._window.setActive(True)
        self._engine.renderFrame()
        self._window.setActive(False)  # else the frames of windows of other sizes draw this one too
        width, height = self._window.getXSize(), self._window.getYSize()
        picture = np.frombuffer(self._texture.getRamImage(), np.uint8).reshape(height, width, 4)
        upright = cv2.cvtColor(cv2.flip(picture, 0), cv2.COLOR_BGRA2BGR)
        if (width, height) == (self.width, self.height):
            return np.asarray(upright, np.uint8)
        small = cv2.resize(upright, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)


class _Surface:
    """Vertices that are written anew for each frame, and the faces between them."""

    def __init__(self, count: int, uv: NDArray[np.float32] | None = None) -> None:
        panda = _panda()
        self._data = panda.GeomVertexData("surface", _vertex_format(uv is not None), panda.Geom.UHDynamic)
        self._data.setNumRows(count)
        self._rows = np.zeros(count, _VERTEX)
        self._rows["colour"][:, 3] = 255
        self.node = panda.GeomNode("surface")
        self.node.setBounds(panda.OmniBoundingVolume())
        self.node.setFinal(True)
        if uv is not None:
            _copy(self._data.modifyArray(1), np.ascontiguousarray(uv, np.float32))

    def add(self, triangles: NDArray[Any], texture: Any = None) -> None:
        """Add faces (F, 3), textured or in the colours of their vertices alone."""
        panda = _panda()
        primitive = panda.GeomTriangles(panda.Geom.UHStatic)
        primitive.setIndexType(panda.Geom.NTUint32)
        indices = primitive.modifyVertices()
        indices.uncleanSetNumRows(triangles.size)
        _copy(indices, np.ascontiguousarray(triangles, np.uint32))
        geom = panda.Geom(self._data)
        geom.addPrimitive(primitive)
        state = panda.RenderState.makeEmpty()
        if texture is not None:
            state = panda.RenderState.make(panda.TextureAttrib.make(texture))
        self.node.addGeom(geom, state)

    def write(self, places: NDArray[Any], colours: Image) -> None:
        """Set all vertices: places (V, 3) and RGB colours (V, 3)."""
        self._rows["place"], self._rows["colour"][:, :3] = places, colours
        _copy(self._data.modifyArray(0), self._rows)


class _Shadow:
    """A dark patch on the floor: one triangle, since the seam between two would be drawn twice."""

    def __init__(self) -> None:
        panda = _panda()
        self._pixels = np.zeros((PIXELS, PIXELS, 4), np.uint8)
        self._texture = panda.Texture()
        self._texture.setup2dTexture(PIXELS, PIXELS, panda.Texture.TUnsignedByte, panda.Texture.FRgba)
        self._texture.setWrapU(panda.SamplerState.WMClamp)
        self._texture.setWrapV(panda.SamplerState.WMClamp)
        corners = np.array([(0, 0, 0), (2, 0, 0), (0, 2, 0)], np.float32)
        surface = _Surface(3, corners[:, :2])
        surface.add(np.array([[0, 1, 2]]))
        surface.write(SIZE_M * corners, np.zeros((3, 3), np.uint8))
        self.node = panda.NodePath(surface.node)
        self.node.setTexture(self._texture)
        self.node.setTransparency(panda.TransparencyAttrib.MAlpha)
        self.node.setBin("fixed", _SHADOW)
        self.node.setDepthTest(False)
        self.node.setDepthWrite(False)

    def lay(self, opacity: Image, corner_m: tuple[float, float]) -> None:
        """Show a shadow of `opacity` (PIXELS, PIXELS) on the floor square that begins at `corner_m`."""
        self._pixels[..., 3] = opacity
        self._texture.setRamImage(self._pixels.tobytes())
        self.node.setPos(*corner_m, 0.0)


def _order(piece: Piece) -> int:
    if piece.is_ground:
        return _GROUND
    if piece.is_shade:
        return _SHADE
    if piece.period_m:
        return _LANDSCAPE
    return _SEE_THROUGH if piece.see_through else _THINGS


def _still_node(piece: Piece) -> Any:
    surface = _Surface(len(piece.points_m), piece.uv)
    surface.add(piece.triangles, None if piece.texture is None else _load(piece.texture, piece.is_shade))
    surface.write(piece.points_m, piece.colours)
    return surface.node


def _copy(array: Any, values: NDArray[Any]) -> None:
    memoryview(array).cast("B")[:] = values.tobytes()


def _load(image: Image, clamped: bool = False) -> Any:
    panda = _panda()
    texture = panda.Texture()
    height, width, channels = image.shape
    layout = panda.Texture.FRgba if channels == 4 else panda.Texture.FRgb
    texture.setup2dTexture(width, height, panda.Texture.TUnsignedByte, layout)
    order = [2, 1, 0, 3][:channels]  # Panda3D: bottom-up, BGR(A)
    texture.setRamImage(np.ascontiguousarray(image[::-1, :, order]).tobytes())
    texture.setMinfilter(panda.SamplerState.FTNearestMipmapNearest)
    wrap = panda.SamplerState.WMClamp if clamped else panda.SamplerState.WMRepeat
    texture.setWrapU(wrap)
    texture.setWrapV(wrap)
    return texture


@lru_cache(maxsize=2)
def _vertex_format(textured: bool) -> Any:
    panda = _panda()
    array = panda.GeomVertexArrayFormat()
    array.addColumn("vertex", 3, panda.Geom.NTFloat32, panda.Geom.CPoint)
    array.addColumn("color", 4, panda.Geom.NTUint8, panda.Geom.CColor)
    layout = panda.GeomVertexFormat()
    layout.addArray(array)
    if textured:
        places = panda.GeomVertexArrayFormat()
        places.addColumn("texcoord", 2, panda.Geom.NTFloat32, panda.Geom.CTexcoord)
        layout.addArray(places)
    return panda.GeomVertexFormat.registerFormat(layout)


@lru_cache(maxsize=1)
def _panda() -> Any:
    try:
        from panda3d import core
    except ImportError as error:
        raise HarError(f"the simulated camera needs Panda3D ({error}); install it with: pip install panda3d") from None
    core.loadPrcFileData("", "notify-level-display fatal\naudio-library-name null")
    return core


@lru_cache(maxsize=4)
def _open_window(width: int, height: int) -> tuple[Any, Any, Any]:
    """Return the engine, an off-screen window of that size, and the texture that receives its pictures."""
    panda = _panda()
    engine, pipe = _engine()
    buffers = panda.FrameBufferProperties()
    buffers.setRgbaBits(8, 8, 8, 8)
    buffers.setDepthBits(24)
    size = panda.WindowProperties.size(width, height)
    window = engine.makeOutput(pipe, f"{width}x{height}", 0, buffers, size, panda.GraphicsPipe.BFRefuseWindow)
    texture = panda.Texture()
    window.addRenderTexture(texture, panda.GraphicsOutput.RTMCopyRam)
    window.makeDisplayRegion()
    window.setActive(False)
    return engine, window, texture


@lru_cache(maxsize=1)
def _engine() -> tuple[Any, Any]:
    panda = _panda()
    pipe = panda.GraphicsPipeSelection.getGlobalPtr().makePipe("TinyOffscreenGraphicsPipe", "p3tinydisplay")
    if pipe is None:
        raise HarError(
            "Panda3D's software display can't be loaded; it needs the library libX11.so.6: "
            "install the Debian package libx11-6 (sudo apt install libx11-6)"
        )
    return panda.GraphicsEngine(pipe), pipe
