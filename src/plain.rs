use bytemuck::Pod;

/// What can be read from, and written to, memory that is not this program's: data of which every byte is
/// there and may have any value.
///
/// Implemented for everything that is [`bytemuck::Pod`]: integers, floats, arrays of them, and structs that
/// derive it.
///
/// ```
/// use bytemuck::{Pod, Zeroable};
/// use nearfar::PlainData;
///
/// #[derive(Clone, Copy, Pod, Zeroable)]
/// #[repr(C)]
/// struct Header {
///     magic: [u8; 4],
///     version: u32,
/// }
///
/// fn may_come_from_elsewhere<T: PlainData>() {}
/// may_come_from_elsewhere::<Header>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not plain data",
    label = "some bytes that another process has there would be no value of `{Self}`",
    note = "memory of another address space holds any bytes: read integers, floats or arrays of them, and check what becomes a `bool`, an enum, a `char` or a reference",
    note = "for a struct of your own: `#[repr(C)]` and `#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]`"
)]
pub trait PlainData: Pod {}

#[diagnostic::do_not_recommend]
impl<T: Pod> PlainData for T {}
